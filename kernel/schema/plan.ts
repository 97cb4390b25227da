import type { Database, Dialect, TableDescription } from '#kernel/database/database.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { readColumnRecord } from './column-record.ts'
import { createTable } from './create-table.ts'
import { diffTable } from './diff-table.ts'
import { type Refusal, SyncRefused } from './errors.ts'
import type { SyncOptions, SyncPlan, SyncStep } from './sync-plan.ts'
import { systemTables } from './system-tables.ts'
import { listedName } from './table-text.ts'
import type { TableTarget } from './table-target.ts'
import { tableTarget } from './targets.ts'

/**
 * Compares tables with definitions. Tables without a definition are left alone, and so are columns without a field unless data may
 * be lost. The kernel's own tables are part of every plan.
 * @throws SyncRefused when something would be lost; nothing has been changed then
 */
export async function planSync(database: Database, metas: readonly Meta[], options: SyncOptions = {}): Promise<SyncPlan> {
  const { dialect } = database
  const wanted = [...systemTables(dialect), ...targetsOf(metas, options, dialect)]
  const described = await database.describe(wanted.map((target) => listedName(target.name, dialect)))
  const present = new Map(described.map((table) => [table.name, table]))
  const record = await readColumnRecord(database, present)
  const refusals: Refusal[] = []
  const steps: SyncStep[] = []
  for (const target of withoutTwins(wanted, described, dialect, refusals)) {
    const table = present.get(listedName(target.name, dialect))
    if (table) steps.push(...(await diffTable({ database, target, table, record, options, renames: renamesOf(target, options), refusals })))
    else steps.push(createTable(target, dialect))
  }
  if (refusals.length > 0) throw new SyncRefused({ refusals })
  return {
    steps,
    statements: steps.flatMap((step) => [...step.statements, ...(step.conversion?.finish ?? [])]),
    isEmpty: steps.length === 0,
    metas,
    options,
  }
}

function targetsOf(metas: readonly Meta[], options: SyncOptions, dialect: Dialect): TableTarget[] {
  return metas.map((meta) => tableTarget(meta, options.scopes ?? new Set(), dialect)).filter((target) => target !== undefined)
}

/** Refuses those that differ only by case from another, or from a table that is there. */
function withoutTwins(
  wanted: readonly TableTarget[],
  described: readonly TableDescription[],
  dialect: Dialect,
  refusals: Refusal[],
): TableTarget[] {
  const present = new Map(described.map((table) => [table.name.toLowerCase(), table.name]))
  const taken = new Map<string, string>()
  const result: TableTarget[] = []
  for (const target of wanted) {
    const listed = listedName(target.name, dialect)
    const twin = taken.get(listed.toLowerCase()) ?? present.get(listed.toLowerCase()) ?? listed
    // SQLite takes names that differ only by case for one; the other engines are held to the same.
    if (twin !== listed || taken.has(listed.toLowerCase())) {
      refusals.push({ table: target.name, column: '', reason: `the name is taken by ${twin}.` })
      continue
    }
    taken.set(listed.toLowerCase(), listed)
    result.push(target)
  }
  return result
}

function renamesOf(target: TableTarget, options: SyncOptions): { from: string; to: string }[] {
  const named = (options.renames ?? []).filter(({ doctype }) => `tab${doctype}` === target.name)
  const remembered = target.columns.flatMap((column) => (column.formerName ? [{ from: column.formerName, to: column.name }] : []))
  return [...named, ...remembered]
}
