import type { Query, TableDescription } from '../database.ts'
import { canonicalText } from '../decimal-text.ts'
import { namesAlike, tablesFrom } from '../describe-rows.ts'

interface ColumnRow {
  table: string
  name: string
  type: string
  collation: string | null
  nullable: number
  default: string | null
}

/** Reads tables, columns and indexes of the current schema; primary keys are not listed as indexes. */
export async function describePostgres(read: <R>(query: Query) => Promise<R[]>, only?: readonly string[]): Promise<TableDescription[]> {
  const parameters: string[] = []
  let named = ''
  if (only) {
    const listed = await read<{ name: string }>({
      sql: `select relname as name from pg_class
        where relnamespace = to_regnamespace(quote_ident(current_schema())) and relkind in ('r', 'p')`,
      parameters: [],
    })
    const names = namesAlike(
      listed.map(({ name }) => name),
      only,
    )
    if (names.length === 0) return []
    parameters.push(JSON.stringify(names))
    named = 'and c.relname = any (array(select jsonb_array_elements_text($1::jsonb)))'
  }
  const columns = await read<ColumnRow>({
    sql: `select c.relname as "table", a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
        case when a.attcollation <> t.typcollation then l.collname end as collation,
        not a.attnotnull as nullable, pg_get_expr(d.adbin, d.adrelid) as "default"
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_type t on t.oid = a.atttypid
      left join pg_collation l on l.oid = a.attcollation
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
      where c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relkind in ('r', 'p') ${named}
      order by c.relname, a.attnum`,
    parameters,
  })
  const indexed = await read<{ table: string; name: string; unique: number; column: string | null }>({
    sql: `select c.relname as "table", n.relname as name, i.indisunique as "unique", a.attname as "column"
      from pg_index i
      join pg_class c on c.oid = i.indrelid
      join pg_class n on n.oid = i.indexrelid
      join lateral unnest(i.indkey::int2[]) with ordinality as k(attnum, place) on k.place <= i.indnkeyatts
      left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum and k.attnum > 0
      where c.relnamespace = to_regnamespace(quote_ident(current_schema())) and not i.indisprimary and i.indisvalid ${named}
      order by c.relname, n.relname, k.place`,
    parameters,
  })
  return tablesFrom(
    columns.map((column) => ({
      table: column.table,
      name: column.name,
      type: spelling(column.type) + (column.collation ? ` collate "${column.collation}"` : ''),
      nullable: column.nullable === 1,
      default: defaultLiteral(column.default),
    })),
    indexed.map((part) => ({ ...part, unique: part.unique === 1 })),
  )
}

/** The short name of a type, as `columnType` gives it. */
function spelling(type: string): string {
  return type.replace(/^character varying/, 'varchar').replace(' without time zone', '')
}

/** `'x'::character varying` → `'x'`, `'0'::numeric` → `0`. */
function defaultLiteral(expression: string | null): string | null {
  const cast = /^\(?(.*?)\)?::([a-z ]+)(?:\([\d,]+\))?$/s.exec(expression ?? '')
  const value = cast?.[1] ?? expression
  if (value === null || value === 'NULL') return null
  const isNumber = cast?.[2] === undefined || /^(numeric|integer|bigint|smallint)$/.test(cast[2])
  const bare = isNumber ? value.replace(/^'(.*)'$/, '$1').replace(/^\((.*)\)$/, '$1') : value
  return isNumber && /^-?\d+(\.\d+)?$/.test(bare) ? canonicalText(bare) : bare
}
