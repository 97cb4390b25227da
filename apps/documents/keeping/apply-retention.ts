import { createHash } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { instantOfText, nowText, textOfInstant } from '#kernel/context/time.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { StillLinked } from '#kernel/documents/errors.ts'
import { find, load } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { save } from '#kernel/documents/save.ts'
import { keyedHash } from '#kernel/identity/keyed-hash.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { recordDeeds } from '../audit.ts'
import { Held, StillRetained } from '../errors.ts'
import { inside } from '../inside.ts'
import { todayIn } from '../organization.ts'
import { holdOn } from './holds.ts'
import { dueDay, type Policy, type Retained } from './retained.ts'

const batchSize = 100
/** Days after which the trash is emptied of what nothing keeps. */
const trashDays = 30

/** What a run of a policy did. */
export interface RetentionRun {
  deleted: number
  trashed: number
  /** Due, but kept by a hold or because another record points to it. */
  kept: number
}

/** Applies every enabled policy: what is due goes, what is held stays; each policy leaves a certificate of what it deleted. */
export async function applyRetention(ctx: Context, job: Pick<JobRun, 'step' | 'signal'>): Promise<RetentionRun> {
  const policies = await ctx.db.query<Row>(
    ctx.db.dialect.compile(sql`select p.*, p.name as name from ${ident('tabRetention Policy')} p where p.enabled = 1 order by p.name`),
  )
  const total: RetentionRun = { deleted: 0, trashed: 0, kept: 0 }
  for (const policy of policies as unknown as (Policy & { organization: string })[]) {
    let after = ''
    for (let batch = 0; ; batch++) {
      job.signal.throwIfAborted()
      const done = await job.step(`${policy.name}:${batch}`, (unit) => applyToBatch(unit, policy, after))
      total.deleted += done.deleted
      total.trashed += done.trashed
      total.kept += done.kept
      if (done.last === null) break
      after = done.last
    }
  }
  return total
}

async function applyToBatch(
  ctx: Context,
  policy: Policy & { organization: string },
  after: string,
): Promise<RetentionRun & { last: string | null }> {
  const documents = ident('tabDocument')
  const rows = (await ctx.db.query<Row>(
    ctx.db.dialect.compile(sql`select d.name, d.owner, d.organization, d.creation, d.modified, d.folder, d.document_type, d.retention_policy, d.document_date,
        d.obsolete_since, d.trashed, d.content_hash
      from ${documents} d left join ${ident('tabDocument Type')} t on t.name = d.document_type
      where d.organization = ${policy.organization} and d.name > ${after} and coalesce(nullif(d.retention_policy, ''), t.retention_policy) = ${policy.name}
      order by d.name limit ${batchSize}`),
  )) as unknown as (Retained & { owner: string; content_hash: string | null; trashed: number })[]
  const done: RetentionRun & { last: string | null } = {
    deleted: 0,
    trashed: 0,
    kept: 0,
    last: rows.length < batchSize ? null : String(rows.at(-1)?.name),
  }
  const today = await todayIn(ctx, policy.organization)
  const gone: string[] = []
  for (const row of rows) {
    const due = await dueDay(ctx, plain(row), policy)
    if (due === undefined || due > today || (policy.action === 'Trash' && row.trashed)) continue
    if ((await holdOn(ctx, row)) !== undefined) done.kept++
    else if (policy.action === 'Trash') {
      await throwAway(ctx, await load(ctx, await ctx.site.meta.get('Document'), row.name, true))
      done.trashed++
    } else if (await deleteNow(ctx, row.name)) {
      gone.push(`${row.name} sha256:${row.content_hash ?? ''}`)
      done.deleted++
    } else done.kept++
  }
  await certify(ctx, policy, gone)
  return done
}

/** Rows as they come from the engine hold dates as it gives them. */
function plain<T extends Retained>(row: T): T {
  const text = (value: unknown): unknown => (value instanceof Date ? value.toISOString().replace('T', ' ').replace('Z', '000') : value)
  return {
    ...row,
    creation: text(row.creation),
    modified: text(row.modified),
    document_date: text(row.document_date),
    obsolete_since: text(row.obsolete_since),
  }
}

async function deleteNow(ctx: Context, name: string): Promise<boolean> {
  try {
    await ctx.db.savepoint(() => inside(ctx, 'retention', () => remove(ctx, 'Document', name)))
    return true
  } catch (error) {
    if (StillLinked.is(error) || Held.is(error)) return false
    throw error
  }
}

/** Says what was deleted, under a key of the site: whoever holds the database alone cannot make up another. */
async function certify(ctx: Context, policy: Policy & { organization: string }, gone: readonly string[]): Promise<void> {
  if (gone.length === 0) return
  const list = createHash('sha256').update(gone.join('\n')).digest('hex')
  const statement = `${policy.name} ${nowText(ctx)} ${gone.length} sha256:${list}`
  await recordDeeds(ctx, [
    {
      organization: policy.organization,
      action: 'Deletion Certificate',
      objectType: 'Retention Policy',
      objectName: policy.name,
      title: policy.policy_name,
      newValue: statement,
      details: JSON.stringify({ documents: gone, seal: keyedHash(ctx.site, 'deletion-certificate', statement) }),
    },
  ])
}

/** Puts a document into the trash. */
export async function throwAway(ctx: Context, document: AnyDocument): Promise<void> {
  await inside(ctx, 'filing', () => save(ctx, document, { trashed: 1, trashed_at: nowText(ctx), trashed_by: ctx.user.name }))
}

/** Deletes for good what has lain in the trash long enough, unless something keeps it. @returns how many */
export async function emptyTrash(ctx: Context, job: Pick<JobRun, 'step' | 'signal'>): Promise<number> {
  const before = textOfInstant(instantOfText(nowText(ctx)) - trashDays * 86_400_000)
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select name from ${ident('tabDocument')} where trashed = 1 and trashed_at < ${before} order by name limit 5000`,
    ),
  )
  let deleted = 0
  for (const { name } of rows) {
    job.signal.throwIfAborted()
    if (await job.step(String(name), (unit) => purgeFromTrash(unit, String(name)))) deleted++
  }
  return deleted
}

async function purgeFromTrash(ctx: Context, name: string): Promise<boolean> {
  const document = await find(ctx, await ctx.site.meta.get('Document'), name, true)
  if (!document?.trashed) return false
  try {
    await ctx.db.savepoint(() => remove(ctx, 'Document', name))
    return true
  } catch (error) {
    if (StillLinked.is(error) || Held.is(error) || StillRetained.is(error)) return false
    throw error
  }
}
