import type { Query, TableDescription } from '../database.ts'
import { canonicalText } from '../decimal-text.ts'
import { tablesFrom } from '../describe-rows.ts'

interface ColumnRow {
  table: string
  name: string
  type: string
  charset: string | null
  collation: string | null
  nullable: string
  default: string | null
}

/** Reads tables, columns and indexes of the current database; primary keys are not listed as indexes. */
export async function describeMariadb(read: <R>(query: Query) => Promise<R[]>): Promise<TableDescription[]> {
  const columns = await read<ColumnRow>({
    sql: `select c.table_name as \`table\`, c.column_name as name, c.column_type as type, c.character_set_name as charset,
        c.collation_name as collation, c.is_nullable as nullable, c.column_default as \`default\`
      from information_schema.columns c
      join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type = 'BASE TABLE'
      where c.table_schema = database() order by c.table_name, c.ordinal_position`,
    parameters: [],
  })
  const indexed = await read<{ table: string; name: string; repeats: number; column: string | null }>({
    sql: `select table_name as \`table\`, index_name as name, non_unique as repeats, column_name as \`column\`
      from information_schema.statistics where table_schema = database() and index_name <> 'PRIMARY'
      order by table_name, index_name, seq_in_index`,
    parameters: [],
  })
  return tablesFrom(
    columns.map((column) => ({
      table: column.table,
      name: column.name,
      type: column.type.toLowerCase() + (column.collation ? ` character set ${column.charset} collate ${column.collation}` : ''),
      nullable: column.nullable === 'YES',
      default: defaultLiteral(column.default),
    })),
    indexed.map(({ repeats, ...part }) => ({ ...part, unique: Number(repeats) === 0 })),
  )
}

/** The catalogue quotes texts and doubles their backslashes, writes NULL for none, and gives decimals all their places. */
function defaultLiteral(expression: string | null): string | null {
  if (expression === null || expression === 'NULL') return null
  return /^-?\d+(\.\d+)?$/.test(expression) ? canonicalText(expression) : expression.replaceAll('\\\\', '\\')
}
