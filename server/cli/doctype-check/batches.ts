import { sep } from 'node:path'
import type { DocTypeDefinition } from '#kernel/meta/definition.ts'

/** A definition on its way through the check. */
export interface Subject {
  /** The files that hold exactly this. */
  readonly paths: readonly string[]
  readonly definition: DocTypeDefinition
}

/** What one throwaway site is given. */
export interface Batch {
  readonly subjects: readonly Subject[]
  /** Definitions that the subjects need and that other batches check, or that stand in for what no file defines. */
  readonly support: readonly DocTypeDefinition[]
}

export interface Plan {
  readonly batches: readonly Batch[]
  /** DocTypes that no file defines, with a file that refers to them. */
  readonly missing: ReadonlyMap<string, string>
}

/** DocTypes that a site can check together: as many as keep each question to the whole site quick. */
const batchSize = 800

/**
 * Puts definitions into batches in which each name occurs once and what lies in one folder stays together, because apps that know nothing
 * of each other use the same names for different things; adds to each batch what its members refer to. Names that the platform has itself
 * are checked under another one, so that the site they are checked on keeps working.
 * @param present names that every site has
 */
export function planBatches(subjects: readonly Subject[], present: ReadonlySet<string>): Plan {
  const clashing = new Set(subjects.map(({ definition }) => definition.name).filter((name) => present.has(name)))
  const own = subjects.map((subject) => renamed(subject, clashing))
  const byName = Map.groupBy(own, ({ definition }) => definition.name)
  const missing = new Map<string, string>()
  return { batches: pack(own).map((members) => withSupport(members, { byName, present, missing })), missing }
}

function renamed(subject: Subject, clashing: ReadonlySet<string>): Subject {
  const { definition } = subject
  const other = (name: string): string => (clashing.has(name) ? `Checked ${name}` : name)
  const fields = definition.fields.map((field) => {
    const isTable = field.fieldtype === 'Table' || field.fieldtype === 'Table MultiSelect'
    return isTable && field.options ? { ...field, options: other(field.options) } : field
  })
  const name = other(definition.name)
  return { ...subject, definition: { ...definition, name, fields } }
}

/** Each folder goes whole into the first batch that has room for it and none of its names. */
function pack(subjects: readonly Subject[]): Subject[][] {
  const batches: { members: Subject[]; names: Set<string> }[] = []
  for (const folder of folders(subjects))
    for (const group of withoutTwins(folder)) {
      // Tables whose names differ by case only are one table on two of the engines.
      const names = group.map(({ definition }) => definition.name.toLowerCase())
      let batch = batches.find((one) => one.members.length + group.length <= batchSize && !names.some((name) => one.names.has(name)))
      if (!batch) {
        batch = { members: [], names: new Set() }
        batches.push(batch)
      }
      batch.members.push(...group)
      for (const name of names) batch.names.add(name)
    }
  return batches.map(({ members }) => members)
}

/** By the first part of the path in which the files differ. */
function folders(subjects: readonly Subject[]): Subject[][] {
  const paths = subjects.map(({ paths: [path = ''] }) => path.split(sep))
  let depth = 0
  while (paths.length > 1 && paths.every((path) => path.length > depth + 1 && path[depth] === paths[0]?.[depth])) depth++
  return [...Map.groupBy(subjects, ({ paths: [path = ''] }) => path.split(sep)[depth]).values()]
}

/** One list with the first definition of each name, one with the second of those that have two, and so on. */
function withoutTwins(subjects: readonly Subject[]): Subject[][] {
  const lists: Subject[][] = []
  for (const twins of Map.groupBy(subjects, ({ definition }) => definition.name.toLowerCase()).values())
    for (const [index, subject] of twins.entries()) {
      lists[index] ??= []
      lists[index].push(subject)
    }
  return lists
}

interface Known {
  readonly byName: ReadonlyMap<string, readonly Subject[]>
  readonly present: ReadonlySet<string>
  readonly missing: Map<string, string>
}

function withSupport(subjects: readonly Subject[], { byName, present, missing }: Known): Batch {
  const there = new Set(subjects.map(({ definition }) => definition.name.toLowerCase()))
  const support: DocTypeDefinition[] = []
  const add = (definition: DocTypeDefinition): void => {
    there.add(definition.name.toLowerCase())
    support.push(definition)
  }
  const need = ({ name, kind }: Wanted, path: string): void => {
    if (present.has(name) || there.has(name.toLowerCase())) return
    const elsewhere = nearest(byName.get(name) ?? [], path)
    if (!elsewhere && kind !== 'choice' && !missing.has(name)) missing.set(name, path)
    // What a link points to need only exist; the rows of a table must be known whole.
    if (!elsewhere || kind !== 'table') {
      add(standIn(name, elsewhere ? elsewhere.definition.istable === 1 : kind === 'table'))
      return
    }
    add(elsewhere.definition)
    for (const wanted of referencesOf(elsewhere.definition)) need(wanted, path)
  }
  for (const kind of ['table', 'link', 'choice'] as const)
    for (const { definition, paths } of subjects)
      for (const wanted of referencesOf(definition)) if (wanted.kind === kind) need(wanted, paths[0] ?? '')
  return { subjects, support }
}

/** The one whose file lies closest to the path. */
function nearest(candidates: readonly Subject[], path: string): Subject | undefined {
  let best: Subject | undefined
  let longest = -1
  for (const candidate of candidates)
    for (const other of candidate.paths) {
      let length = 0
      while (length < path.length && path[length] === other[length]) length++
      if (length > longest) [best, longest] = [candidate, length]
    }
  return best
}

interface Wanted {
  name: string
  /** `choice`: a word among the options of a field that names the DocType of a dynamic link. */
  kind: 'link' | 'table' | 'choice'
}

function referencesOf(definition: DocTypeDefinition): Wanted[] {
  const holders = new Set(definition.fields.filter((field) => field.fieldtype === 'Dynamic Link').map((field) => field.options))
  return definition.fields.flatMap((field): Wanted[] => {
    const target = field.options?.trim()
    if (!target || field.is_virtual) return []
    if (field.fieldtype === 'Link') return [{ name: target, kind: 'link' }]
    if (field.fieldtype === 'Table' || field.fieldtype === 'Table MultiSelect') return [{ name: target, kind: 'table' }]
    if (field.fieldtype !== 'Select' || !holders.has(field.fieldname)) return []
    const options = target.split('\n').map((option) => option.trim())
    return options.filter((option) => /^[A-Z][\w -]*$/.test(option)).map((name) => ({ name, kind: 'choice' }))
  })
}

function standIn(name: string, isTable: boolean): DocTypeDefinition {
  return {
    name,
    module: 'Core',
    fields: [],
    permissions: [],
    actions: [],
    links: [],
    states: [],
    autoname: 'prompt',
    ...(isTable ? { istable: 1 as const } : {}),
  }
}
