import { UniqueViolated } from '#kernel/database/errors.ts'
import { sql } from '#kernel/database/sql.ts'
import type { Transaction } from '#kernel/database/database.ts'
import type { Site } from '#kernel/sites/site.ts'
import { BudgetSpent } from './errors.ts'

const spend = sql.id('__Language_Model_Spend')

/** What may be spent in a day by whom; 0: no limit. */
export interface Limit {
  /** `site`, or `org:` and the organization. */
  readonly scope: string
  readonly tokens: number
  /** Thousand-millionths of the prices' currency. */
  readonly nanos: number
}

export interface Amount {
  readonly tokens: number
  readonly nanos: number
}

/**
 * Puts an amount aside before a question is asked, so that many questions at once cannot spend more than there is. All limits hold or
 * none is touched.
 * @param day `YYYY-MM-DD`
 * @throws BudgetSpent
 */
export async function putAside(site: Site, day: string, limits: readonly Limit[], amount: Amount): Promise<void> {
  for (const { scope } of limits) await makeRow(site, day, scope)
  // Always in the same order, so that no two wait for each other.
  await site.database.transaction(async (tx) => {
    for (const limit of limits) {
      if (await add(tx, day, limit, amount)) continue
      throw new BudgetSpent({ scope: limit.scope.replace(/^org:/, ''), what: await spentOn(tx, day, limit, amount) })
    }
  })
}

/** Corrects what was put aside by what was spent. */
export async function settle(site: Site, day: string, limits: readonly Limit[], aside: Amount, spent: Amount): Promise<void> {
  const [tokens, nanos] = [spent.tokens - aside.tokens, spent.nanos - aside.nanos]
  if (tokens === 0 && nanos === 0) return
  await site.database.transaction(async (tx) => {
    for (const { scope } of limits)
      await tx.execute(
        tx.dialect.compile(
          sql`update ${spend} set tokens = tokens + ${tokens}, nanos = nanos + ${nanos} where day = ${day} and scope = ${scope}`,
        ),
      )
  })
}

/** What was spent on a day, by scope. */
export async function spentOnDay(site: Site, day: string): Promise<readonly (Amount & { readonly scope: string })[]> {
  const rows = await site.database.query<{ scope: string; tokens: number; nanos: number }>(
    site.database.dialect.compile(sql`select scope, tokens, nanos from ${spend} where day = ${day} order by scope`),
  )
  return rows.map(({ scope, tokens, nanos }) => ({ scope, tokens: Number(tokens), nanos: Number(nanos) }))
}

async function add(tx: Transaction, day: string, limit: Limit, { tokens, nanos }: Amount): Promise<boolean> {
  // In one statement, so that the check and the addition cannot be torn apart.
  const { changes } = await tx.execute(
    tx.dialect.compile(sql`update ${spend} set tokens = tokens + ${tokens}, nanos = nanos + ${nanos}
      where day = ${day} and scope = ${limit.scope}
      and tokens <= ${limit.tokens === 0 ? Number.MAX_SAFE_INTEGER : limit.tokens - tokens}
      and nanos <= ${limit.nanos === 0 ? Number.MAX_SAFE_INTEGER : limit.nanos - nanos}`),
  )
  return changes === 1
}

async function spentOn(tx: Transaction, day: string, limit: Limit, { tokens }: Amount): Promise<'tokens' | 'money'> {
  const [row] = await tx.query<{ tokens: number }>(
    tx.dialect.compile(sql`select tokens from ${spend} where day = ${day} and scope = ${limit.scope}`),
  )
  return limit.tokens !== 0 && Number(row?.tokens ?? 0) + tokens > limit.tokens ? 'tokens' : 'money'
}

async function makeRow(site: Site, day: string, scope: string): Promise<void> {
  const { compile } = site.database.dialect
  const [known] = await site.database.query(compile(sql`select scope from ${spend} where day = ${day} and scope = ${scope}`))
  if (known) return
  try {
    await site.database.transaction((tx) =>
      tx.execute(compile(sql`insert into ${spend} (day, scope, tokens, nanos) values (${day}, ${scope}, 0, 0)`)),
    )
  } catch (error) {
    // Another process made it a moment ago.
    if (!UniqueViolated.is(error)) throw error
  }
}
