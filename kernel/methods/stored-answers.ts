import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { UniqueViolated } from '#kernel/database/errors.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { decrypt, encrypt } from '#kernel/identity/secrets.ts'

/** The answer to a request that carried an idempotency key. */
export interface StoredAnswer {
  /** Hash of the request that the key came with. */
  readonly requestHash: string
  /** HTTP status; 0: the work is still under way. */
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string | undefined
}

/** Answers are kept this long; a retry comes within minutes. */
const keptMs = 24 * 3_600_000
/** Answers may hold secrets, such as an API key that is shown once. */
const purpose = 'idempotency'
const table = ident('__Idempotency')

/** What was answered under that id, or is being worked on. */
export async function findAnswer(ctx: Context, id: string): Promise<StoredAnswer | undefined> {
  const [row] = await ctx.db.query<{ request_hash: string; status: number; headers: string | null; body: string | null }>(
    ctx.db.dialect.compile(sql`select request_hash, status, headers, body from ${table} where id = ${id}`),
  )
  if (!row) return undefined
  return {
    requestHash: row.request_hash,
    status: Number(row.status),
    headers: JSON.parse(row.headers ?? '{}') as Record<string, string>,
    body: row.body === null ? undefined : decrypt(ctx.site, purpose, row.body),
  }
}

/** Takes the id for this transaction; whoever comes second waits until it ends. @returns false when somebody else has it */
export async function claimAnswer(ctx: Context, id: string, requestHash: string): Promise<boolean> {
  const created = textOfInstant(ctx.clock.now())
  const statement = sql`insert into ${table} (id, ${ident('user')}, request_hash, status, created) values (${id}, ${ctx.user.name}, ${requestHash}, 0, ${created})`
  await ctx.db.begin()
  try {
    await ctx.db.savepoint(() => ctx.db.execute(ctx.db.dialect.compile(statement)))
    return true
  } catch (error) {
    if (UniqueViolated.is(error)) return false
    throw error
  }
}

/** Keeps the answer with the effect it tells of. */
export async function keepAnswer(ctx: Context, id: string, answer: Omit<StoredAnswer, 'requestHash'>): Promise<void> {
  const body = answer.body === undefined ? null : encrypt(ctx.site, purpose, answer.body)
  const statement = sql`update ${table} set status = ${answer.status}, headers = ${JSON.stringify(answer.headers)}, body = ${body} where id = ${id}`
  await ctx.db.execute(ctx.db.dialect.compile(statement))
}

/** Deletes answers that nobody will ask for again; a daily job. @returns how many rows */
export async function deleteOldAnswers(ctx: Context): Promise<number> {
  const statement = sql`delete from ${table} where created < ${textOfInstant(ctx.clock.now() - keptMs)}`
  return (await ctx.db.execute(ctx.db.dialect.compile(statement))).changes
}
