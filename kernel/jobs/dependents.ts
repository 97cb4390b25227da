import type { Changes, Dialect, Query } from '#kernel/database/database.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'

const jobs = sql.id('__Job')
const links = sql.id('__Job_After')

interface Writing {
  readonly dialect: Dialect
  query<R>(query: Query): Promise<R[]>
  execute(query: Query): Promise<Changes>
}

/** Lets jobs run that waited for this one and for nothing else any more. @returns whether there were any */
export async function releaseDependents(db: Writing, id: string): Promise<boolean> {
  const waiting = await lockDependents(db, id)
  if (waiting.length === 0) return false
  const { compile } = db.dialect
  // Those that wait are locked first: when two that one job waits for end together, the second sees what the first has struck out.
  await db.execute(compile(sql`delete from ${links} where needs = ${id}`))
  for (const job of waiting)
    await db.execute(
      compile(sql`update ${jobs} set state = ${'queued'} where id = ${job} and state = ${'waiting'}
        and not exists (select 1 from ${links} where ${links}.job = ${job})`),
    )
  return true
}

/** As `releaseDependents`, for all those that end together. */
export async function releaseDependentsOf(db: Writing, ids: Sql): Promise<boolean> {
  const needed = await db.query<{ needs: string }>(
    db.dialect.compile(sql`select distinct needs from ${links} where needs in (${ids}) order by needs`),
  )
  let areReleased = false
  for (const { needs } of needed) areReleased = (await releaseDependents(db, needs)) || areReleased
  return areReleased
}

/** Cancels whatever waits for this job, directly or not. @returns how many */
export async function cancelDependents(db: Writing, id: string, now: number): Promise<number> {
  let count = 0
  for (const job of await lockDependents(db, id)) {
    const { changes } = await db.execute(
      db.dialect.compile(
        sql`update ${jobs} set state = ${'cancelled'}, ended = ${now}, unique_key = null where id = ${job} and state = ${'waiting'}`,
      ),
    )
    if (changes > 0) count += 1 + (await cancelDependents(db, job, now))
  }
  return count
}

async function lockDependents(db: Writing, id: string): Promise<string[]> {
  const { compile, forUpdate } = db.dialect
  const linked = await db.query<{ job: string }>(compile(sql`select job from ${links} where needs = ${id} order by job`))
  for (const { job } of linked) await db.query(compile(sql`select id from ${jobs} where id = ${job} ${sql.raw(forUpdate)}`))
  return linked.map(({ job }) => job)
}
