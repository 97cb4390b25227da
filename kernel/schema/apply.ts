import type { Database, Dialect, Query, SqlValue } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { convertValue, lost, zeroOf } from './convert-value.ts'
import { valuePages } from './look.ts'
import { planSync } from './plan.ts'
import type { Conversion, SyncOptions, SyncPlan, SyncStep } from './sync-plan.ts'
import { listedName } from './table-text.ts'

/**
 * Makes the tables follow the definitions of a plan. Only one process does so at a time; what another one did since the plan was made
 * is not done twice. May be run again after a crash at any point.
 * @returns what was done
 * @throws SyncRefused when data has come in meanwhile that would be lost; then nothing was changed
 */
export async function applySync(database: Database, plan: SyncPlan): Promise<SyncPlan> {
  return plan.isEmpty ? plan : syncSchema(database, plan.metas, plan.options)
}

/** Plans and applies under one lock. @returns what was done @throws SyncRefused */
export function syncSchema(database: Database, metas: readonly Meta[], options: SyncOptions = {}): Promise<SyncPlan> {
  return database.exclusively('schema', async () => {
    const plan = await planSync(database, metas, options)
    for (const steps of together(plan.steps)) {
      const [first] = steps
      if (first?.conversion) await convertColumn(database, first, first.conversion)
      else await database.alter(steps.flatMap((step) => step.statements))
    }
    return plan
  })
}

/** Statements that share a transaction, where the engine has one for its schema: enough to save time, few enough for its locks. */
const statementsTogether = 300

/** Steps that run together; a conversion stands alone. */
function together(steps: readonly SyncStep[]): SyncStep[][] {
  const groups: SyncStep[][] = []
  let room = 0
  for (const step of steps) {
    const last = groups.at(-1)
    if (last && room >= step.statements.length && !step.conversion && !last[0]?.conversion) last.push(step)
    else {
      groups.push([step])
      room = statementsTogether
    }
    room -= step.statements.length
  }
  return groups
}

/** Rows written in one transaction. */
const batch = 500

async function convertColumn(database: Database, step: SyncStep, conversion: Conversion): Promise<void> {
  const { dialect } = database
  const listed = listedName(step.table, dialect)
  const table = (await database.describe([listed])).find(({ name }) => name === listed)
  // A crash may have left a successor half filled.
  if (table?.columns.some(({ name }) => name === conversion.into))
    await database.alter([`alter table ${dialect.quote(step.table)} drop column ${dialect.quote(conversion.into)}`])
  await database.alter(step.statements)
  for await (const page of valuePages(database, step.table, conversion.column)) {
    for (let start = 0; start < page.length; start += batch) {
      const statements = page
        .slice(start, start + batch)
        .map(({ name, value }) => writeValue(step.table, conversion.into, converted(value, conversion, dialect), name, dialect))
      await database.transaction(async (tx) => {
        for (const statement of statements) await tx.execute(statement)
      })
    }
  }
  await database.alter(conversion.finish)
}

function converted(value: SqlValue, { from, to }: Conversion, dialect: Dialect): SqlValue {
  const result = convertValue(value, from, to.storage, dialect)
  if (result !== lost && result !== null) return result
  return to.nullable ? null : zeroOf(to.storage, dialect)
}

function writeValue(table: string, column: string, value: SqlValue, name: SqlValue, dialect: Dialect): Query {
  return dialect.compile(sql`update ${ident(table)} set ${ident(column)} = ${value} where name = ${name}`)
}
