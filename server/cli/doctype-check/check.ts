import { checkDefinition } from '#kernel/meta/check-definition.ts'
import { readDefinition } from '#kernel/meta/read-definition.ts'
import { planBatches, type Subject } from './batches.ts'
import { checkOnSite } from './check-on-site.ts'
import { findDefinitions, type FoundFile } from './find-files.ts'
import { reasonOf } from './reason.ts'
import { openThrowaway, type ThrowawayOptions } from './throwaway.ts'

export interface CheckReport {
  /** Files looked at. */
  readonly checked: number
  /** Those whose definition loads, syncs, and takes an insert, an update and a delete. */
  readonly loaded: number
  readonly failed: readonly { file: string; error: string }[]
  readonly warnings: readonly { file: string; warning: string }[]
}

/**
 * Tries every DocType below the paths: reads and checks it, then installs all of them on throwaway sites, makes their tables, and
 * stores, changes and deletes a generated document of each. One bad file hurts no other.
 * @param note tells how far it is
 * @throws FileNotFound; DatabaseUnavailable when the throwaway site cannot be made
 */
export async function checkDoctypes(
  paths: readonly string[],
  options: ThrowawayOptions,
  note: (text: string) => void,
): Promise<CheckReport> {
  const files = await findDefinitions(paths)
  const failures = new Map<string, string>()
  const warnings: { file: string; warning: string }[] = []
  const subjects = readAll(files, failures, warnings)
  await using throwaway = await openThrowaway(options)
  const { batches, missing } = planBatches(subjects, throwaway.present)
  for (const [name, file] of missing) warnings.push({ file, warning: `DocType ${name} is defined nowhere; an empty one stood in for it.` })
  for (const [index, batch] of batches.entries()) {
    note(`batch ${index + 1} of ${batches.length}: ${batch.subjects.length} DocTypes and ${batch.support.length} they refer to`)
    const site = await throwaway.newSite()
    const found = await checkOnSite(site, batch)
    for (const [subject, error] of found.failures) for (const path of subject.paths) failures.set(path, error)
    for (const { subject, warning } of found.warnings) warnings.push({ file: subject.paths[0] ?? '', warning })
  }
  const failed = files.flatMap(({ path }) => {
    const error = failures.get(path)
    return error === undefined ? [] : [{ file: path, error }]
  })
  return { checked: files.length, loaded: files.length - failed.length, failed, warnings }
}

function readAll(files: readonly FoundFile[], failures: Map<string, string>, warnings: { file: string; warning: string }[]): Subject[] {
  const byContent = Map.groupBy(files, ({ hash }) => hash)
  const subjects: Subject[] = []
  for (const twins of byContent.values()) {
    const { path, json, error } = twins[0] as FoundFile
    const paths = twins.map((twin) => twin.path)
    const fail = (reason: string): void => {
      for (const one of paths) failures.set(one, reason)
    }
    if (error) {
      fail(error)
      continue
    }
    try {
      const definition = readDefinition(json, path)
      const problems = checkDefinition(definition)
      const errors = problems.filter(({ severity }) => severity === 'error')
      for (const { path: place, message, severity } of problems)
        if (severity === 'warning') warnings.push({ file: path, warning: `${place}: ${message}` })
      if (errors.length > 0) fail(errors.map(({ path: place, message }) => `${place}: ${message}`).join(' '))
      else subjects.push({ paths, definition })
    } catch (cause) {
      fail(reasonOf(cause))
    }
  }
  return subjects
}
