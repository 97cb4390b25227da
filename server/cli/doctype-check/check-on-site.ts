import { textOfInstant } from '#kernel/context/time.ts'
import type { DocTypeDefinition } from '#kernel/meta/definition.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { writeDefinitions } from '#kernel/meta/write-definition.ts'
import { syncSchema } from '#kernel/schema/apply.ts'
import { SyncRefused } from '#kernel/schema/errors.ts'
import { planSync } from '#kernel/schema/plan.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import type { Batch, Subject } from './batches.ts'
import { reasonOf } from './reason.ts'
import { seedTargets } from './seed-targets.ts'
import { useDocuments } from './use-documents.ts'

export interface SiteReport {
  /** What went wrong, for the subjects with which something did. */
  readonly failures: ReadonlyMap<Subject, string>
  readonly warnings: readonly { subject: Subject; warning: string }[]
}

/** Installs a batch on a site and uses it. */
export async function checkOnSite(site: OpenSite, { subjects, support }: Batch): Promise<SiteReport> {
  const failures = new Map<Subject, string>()
  const warnings: { subject: Subject; warning: string }[] = []
  const byName = new Map(subjects.map((subject) => [subject.definition.name, subject]))
  const fail = (name: string, error: unknown): void => {
    const subject = byName.get(name)
    if (subject && !failures.has(subject)) failures.set(subject, typeof error === 'string' ? error : reasonOf(error))
  }
  const metas = await install(site, [...support, ...subjects.map(({ definition }) => definition)], fail)
  const synced = await syncAll(site, metas, fail)
  await demandEmptyPlan(site, synced, fail)
  const around = await seedTargets(site, synced, fail)
  for (const meta of synced) {
    const subject = byName.get(meta.name)
    if (!subject) continue
    for (const { fieldname, fieldtype, options, type } of meta.fields)
      if (fieldtype.startsWith('Table') && type.kind === 'none')
        warnings.push({ subject, warning: `${fieldname}: ${options} is no child table, so the field holds nothing.` })
    if (failures.has(subject)) continue
    try {
      await useDocuments(site, meta, around)
    } catch (error) {
      fail(meta.name, error)
    }
  }
  return { failures, warnings }
}

type Fail = (name: string, error: unknown) => void

async function install(site: OpenSite, definitions: readonly DocTypeDefinition[], fail: Fail): Promise<Meta[]> {
  const now = textOfInstant(site.clock.now())
  await site.asSystem('install the DocTypes to check', async (ctx) => {
    /** What cannot be written is narrowed down by halves until it stands alone. */
    const write = async (some: readonly DocTypeDefinition[]): Promise<void> => {
      try {
        const wanted = some.map((definition) => ({ definition, app: '', isKnown: false }))
        await ctx.db.savepoint(async () => writeDefinitions(await ctx.db.begin(), ctx.site.meta, wanted, now))
      } catch (error) {
        if (some.length <= 1) {
          for (const { name } of some) fail(name, error)
          return
        }
        const half = Math.ceil(some.length / 2)
        await write(some.slice(0, half))
        await write(some.slice(half))
      }
    }
    await write(definitions)
    await bumpEpoch(ctx, 'meta')
  })
  await site.freshen()
  // All at once is quick; when one cannot be read, it shows below which.
  await site.meta.all().catch(() => undefined)
  const metas: Meta[] = []
  for (const { name } of definitions) {
    try {
      metas.push(await site.meta.get(name))
    } catch (error) {
      fail(name, error)
    }
  }
  return metas
}

/** Makes the tables. What the engine refuses is narrowed down by halves until it stands alone. */
async function syncAll(site: OpenSite, metas: readonly Meta[], fail: Fail): Promise<Meta[]> {
  if (metas.length === 0) return []
  try {
    await syncSchema(site.database, metas, { scopes: site.apps.scopes })
    return [...metas]
  } catch (error) {
    const refused = SyncRefused.is(error) ? new Set((error.data.refusals as { table: string }[]).map(({ table }) => table)) : undefined
    const guilty = metas.length === 1 ? metas : metas.filter((meta) => refused?.has(meta.table))
    for (const meta of guilty) fail(meta.name, error)
    const rest = metas.filter((meta) => !guilty.includes(meta))
    if (guilty.length > 0) return syncAll(site, rest, fail)
    const half = Math.ceil(rest.length / 2)
    return [...(await syncAll(site, rest.slice(0, half), fail)), ...(await syncAll(site, rest.slice(half), fail))]
  }
}

async function demandEmptyPlan(site: OpenSite, metas: readonly Meta[], fail: Fail): Promise<void> {
  try {
    const { steps } = await planSync(site.database, metas, { scopes: site.apps.scopes })
    for (const { table, text } of steps) fail(table.replace(/^tab/, ''), `Its table does not settle; a second sync would do this: ${text}.`)
  } catch (error) {
    if (!SyncRefused.is(error)) throw error
    for (const { table } of error.data.refusals as { table: string }[]) fail(table.replace(/^tab/, ''), error)
  }
}
