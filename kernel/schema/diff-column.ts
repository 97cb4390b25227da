import { createHash } from 'node:crypto'
import type { Dialect, Storage } from '#kernel/database/database.ts'
import { recordStatements } from './column-record.ts'
import { isAlwaysSafe, zeroOf } from './convert-value.ts'
import type { PresentColumn, TableComparison } from './table-comparison.ts'
import { countLonger, countLost } from './look.ts'
import { storageText } from './storage-text.ts'
import type { SyncStep } from './sync-plan.ts'
import { columnText } from './table-text.ts'
import type { ColumnTarget, TableTarget } from './table-target.ts'

/** The step that makes a column what it should be; undefined when it is, or when the change was refused. */
export async function diffColumn(
  comparison: TableComparison,
  target: TableTarget,
  column: ColumnTarget,
  present: PresentColumn,
  alter: (change: string) => string,
): Promise<SyncStep | undefined> {
  const { dialect } = comparison.database
  const hasType = isSameStorage(present, column.storage, dialect)
  const isKey = target.primaryKey.includes(column.name)
  const hasNullability = isKey || present.nullable === column.nullable
  if (hasType && hasNullability) return undefined
  const from = present.storage ?? { kind: 'text' }
  const inPlace =
    (hasType || canWiden(from, column.storage) || isText(from, column.storage)) && (dialect.name !== 'sqlite' || hasNullability)
  if (isKey && !inPlace) {
    comparison.refusals.push({ table: target.name, column: column.name, reason: 'the key of a table cannot change its type.' })
    return undefined
  }
  return inPlace
    ? changeInPlace(comparison, target, column, present, from, alter)
    : convert(comparison, target, column, present, from, alter)
}

/** Whether the names of a table's rows change between texts and counted numbers. */
export function isKeyKindChanged(target: TableTarget, columns: ReadonlyMap<string, PresentColumn>): boolean {
  const name = target.primaryKey.length === 1 && target.primaryKey[0] === 'name' ? columns.get('name') : undefined
  return name?.storage !== undefined && (name.storage.kind === 'bigint' || name.storage.kind === 'integer') !== target.isCounted
}

function isSameStorage(present: PresentColumn, storage: Storage, dialect: Dialect): boolean {
  const hasType = present.type === dialect.columnType(storage).toLowerCase()
  return dialect.name === 'sqlite'
    ? hasType && present.storage !== undefined && storageText(present.storage) === storageText(storage)
    : hasType
}

function isText(from: Storage, to: Storage): boolean {
  const texts: readonly Storage['kind'][] = ['text', 'json', 'uuid']
  return texts.includes(from.kind) && texts.includes(to.kind)
}

function canWiden(from: Storage, to: Storage): boolean {
  return to.kind === 'bigint' ? from.kind === 'integer' || from.kind === 'boolean' : to.kind === 'integer' && from.kind === 'boolean'
}

async function changeInPlace(
  { database, options, refusals }: TableComparison,
  target: TableTarget,
  column: ColumnTarget,
  present: PresentColumn,
  from: Storage,
  alter: (change: string) => string,
): Promise<SyncStep | undefined> {
  const { dialect } = database
  const table = dialect.quote(target.name)
  const name = dialect.quote(column.name)
  const statements: string[] = []
  const limit = textLength(column.storage)
  if (limit !== undefined && isText(from, column.storage) && (textLength(from) ?? Number.POSITIVE_INFINITY) > limit) {
    const longer = await countLonger(database, target.name, present.storedName, limit)
    if (longer > 0 && !options.allowDataLoss) {
      refusals.push({ table: target.name, column: column.name, reason: `${longer} values are longer than ${limit} characters.` })
      return undefined
    }
    const measure = dialect.name === 'sqlite' ? 'length' : 'char_length'
    if (longer > 0) statements.push(`update ${table} set ${name} = substr(${name}, 1, ${limit}) where ${measure}(${name}) > ${limit}`)
  }
  if (present.nullable && !column.nullable)
    statements.push(`update ${table} set ${name} = ${dialect.literal(zeroOf(column.storage, dialect))} where ${name} is null`)
  if (dialect.name === 'mariadb') statements.push(alter(`modify column ${columnText(column, dialect)}`))
  if (dialect.name === 'postgres') {
    const initial = column.default === null ? 'drop default' : `set default ${dialect.literal(column.default)}`
    const changes = [
      `type ${dialect.columnType(column.storage)}`,
      initial,
      ...(target.primaryKey.includes(column.name) ? [] : [column.nullable ? 'drop not null' : 'set not null']),
    ]
    statements.push(alter(changes.map((change) => `alter column ${name} ${change}`).join(', ')))
  }
  statements.push(...recordStatements(target.name, [column], dialect, false))
  return {
    kind: 'change-column',
    table: target.name,
    text: `${target.name}: change column ${column.name} from ${spell(from, present.nullable)} to ${spell(column.storage, column.nullable)}`,
    statements,
  }
}

/** Through a second column: no engine converts every kind in place, and all of them then refuse and keep the same values. */
async function convert(
  { database, options, refusals }: TableComparison,
  target: TableTarget,
  column: ColumnTarget,
  present: PresentColumn,
  from: Storage,
  alter: (change: string) => string,
): Promise<SyncStep | undefined> {
  const { dialect } = database
  if (!options.allowDataLoss && !isAlwaysSafe(from, column.storage)) {
    const { count, example } = await countLost(database, target.name, present.storedName, from, column.storage)
    if (count > 0) {
      const reason = `${count} values are no ${spell(column.storage, true)}, such as the one of ${JSON.stringify(example)}.`
      refusals.push({ table: target.name, column: column.name, reason })
      return undefined
    }
  }
  const into = `__next_${createHash('sha256').update(column.name).digest('hex').slice(0, 8)}`
  const name = dialect.quote(column.name)
  const swap =
    dialect.name === 'mariadb'
      ? [alter(`drop column ${name}, change column ${dialect.quote(into)} ${columnText(column, dialect)}`)]
      : [alter(`drop column ${name}`), alter(`rename column ${dialect.quote(into)} to ${name}`)]
  const successor = { ...column, name: into, default: column.nullable ? null : zeroOf(column.storage, dialect) }
  return {
    kind: 'convert-column',
    table: target.name,
    text: `${target.name}: convert column ${column.name} from ${spell(from, present.nullable)} to ${spell(column.storage, column.nullable)}, row by row`,
    statements: [alter(`add column ${columnText(successor, dialect)}`)],
    conversion: {
      column: column.name,
      into,
      from,
      to: column,
      finish: [...swap, ...recordStatements(target.name, [column], dialect, false)],
    },
  }
}

function textLength(storage: Storage): number | undefined {
  return storage.kind === 'text' ? storage.length : storage.kind === 'uuid' ? 36 : undefined
}

function spell(storage: Storage, nullable: boolean): string {
  return storageText(storage) + (nullable ? '' : ' not null')
}
