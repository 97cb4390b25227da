import type { Dialect, SqlValue, Storage } from '#kernel/database/database.ts'
import { isNullable } from '#kernel/fields/nullable.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { indexTargets } from './index-targets.ts'
import type { ColumnTarget, TableTarget } from './table-target.ts'

/** The table of a DocType; undefined for one that has none (Single, virtual). */
export function tableTarget(meta: Meta, scopes: ReadonlySet<string>, dialect: Dialect): TableTarget | undefined {
  if (meta.isSingle || meta.isVirtual) return undefined
  const columns = meta.columns.map((field) => columnTarget(field, dialect))
  return {
    name: meta.table,
    columns,
    primaryKey: ['name'],
    isCounted: meta.definition.autoname === 'autoincrement',
    indexes: indexTargets(meta, scopes, columns),
  }
}

function columnTarget(field: MetaField, dialect: Dialect): ColumnTarget {
  const nullable = field.fieldname !== 'name' && isNullable(field)
  const column: ColumnTarget = {
    name: field.fieldname,
    storage: field.type.storage(field) as Storage,
    nullable,
    default: firstValue(field, nullable, dialect),
  }
  if (typeof field.oldfieldname === 'string' && field.oldfieldname) column.formerName = field.oldfieldname
  return column
}

/** Types whose `default` is a plain value, not a word such as `Today`. */
const literalDefaults = new Set(['Int', 'Long Int', 'Check', 'Float', 'Percent', 'Currency', 'Select'])

function firstValue(field: MetaField, nullable: boolean, dialect: Dialect): SqlValue {
  const wire = { version: 1, zone: 'UTC' } as const
  const blank = nullable ? null : field.type.toColumn(field.type.cast(null, field, wire, field.fieldname), dialect)
  if (!field.default || !literalDefaults.has(field.fieldtype)) return blank
  try {
    const value = field.type.cast(field.default, field, wire, field.fieldname)
    field.type.check(value, field, field.fieldname)
    return field.type.toColumn(value, dialect)
  } catch {
    return blank // `checkDefinition` tells about a default that the field would refuse
  }
}
