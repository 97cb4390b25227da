import type { Query, TableDescription } from '../database.ts'
import { canonicalText } from '../decimal-text.ts'
import { namesAlike, tablesFrom } from '../describe-rows.ts'

interface ColumnRow {
  table: string
  name: string
  type: string
  charset: string | null
  collation: string | null
  nullable: string
  default: string | null
}

/** More names than this and the server reads all tables just as quickly. */
const namedAtMost = 100

/**
 * Reads tables, columns and indexes of the current database; primary keys are not listed as indexes. The lists are never joined: the
 * server has no indexes over its catalogue, and would open every table again for each row.
 */
export async function describeMariadb(read: <R>(query: Query) => Promise<R[]>, only?: readonly string[]): Promise<TableDescription[]> {
  const listed = await read<{ name: string }>({
    sql: 'select table_name as name from information_schema.tables where table_schema = database()',
    parameters: [],
  })
  const all = listed.map(({ name }) => name)
  const names = only ? namesAlike(all, only) : all
  if (names.length === 0) return []
  const parameters = names.length > namedAtMost ? [] : names
  const named = parameters.length > 0 ? `and table_name in (${parameters.map(() => '?').join(', ')})` : ''
  // Asked apart from the names: to tell tables from views the server must open each, and a list of names alone opens none.
  const tables = await read<{ name: string }>({
    sql: `select table_name as name from information_schema.tables where table_schema = database() and table_type = 'BASE TABLE' ${named}`,
    parameters,
  })
  const columns = await read<ColumnRow>({
    sql: `select table_name as \`table\`, column_name as name, column_type as type, character_set_name as charset,
        collation_name as collation, is_nullable as nullable, column_default as \`default\`
      from information_schema.columns where table_schema = database() ${named} order by table_name, ordinal_position`,
    parameters,
  })
  const indexed = await read<{ table: string; name: string; repeats: number; column: string | null }>({
    sql: `select table_name as \`table\`, index_name as name, non_unique as repeats, column_name as \`column\`
      from information_schema.statistics where table_schema = database() and index_name <> 'PRIMARY' ${named}
      order by table_name, index_name, seq_in_index`,
    parameters,
  })
  // The server's own comparison of names is looser than ours, and views have columns too.
  const asked = new Set(names)
  const wanted = new Set(tables.map(({ name }) => name).filter((name) => asked.has(name)))
  return tablesFrom(
    columns
      .filter(({ table }) => wanted.has(table))
      .map((column) => ({
        table: column.table,
        name: column.name,
        type: column.type.toLowerCase() + (column.collation ? ` character set ${column.charset} collate ${column.collation}` : ''),
        nullable: column.nullable === 'YES',
        default: defaultLiteral(column.default),
      })),
    indexed.filter(({ table }) => wanted.has(table)).map(({ repeats, ...part }) => ({ ...part, unique: Number(repeats) === 0 })),
  )
}

/** The catalogue quotes texts and doubles their backslashes, writes NULL for none, and gives decimals all their places. */
function defaultLiteral(expression: string | null): string | null {
  if (expression === null || expression === 'NULL') return null
  return /^-?\d+(\.\d+)?$/.test(expression) ? canonicalText(expression) : expression.replaceAll('\\\\', '\\')
}
