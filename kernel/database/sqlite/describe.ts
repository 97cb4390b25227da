import type { Query, TableDescription } from '../database.ts'
import { namesAlike, tablesFrom } from '../describe-rows.ts'

/** Reads tables, columns and indexes from the schema table; primary keys are not listed as indexes. */
export async function describeSqlite(read: <R>(query: Query) => R[] | Promise<R[]>, only?: readonly string[]): Promise<TableDescription[]> {
  const parameters: string[] = []
  let named = ''
  if (only) {
    const listed = await read<{ name: string }>({ sql: `select name from sqlite_schema where type = 'table'`, parameters: [] })
    const names = namesAlike(
      listed.map(({ name }) => name),
      only,
    )
    if (names.length === 0) return []
    parameters.push(JSON.stringify(names))
    named = 'and m.name in (select value from json_each(?))'
  }
  const columns = await read<{ table: string; name: string; type: string; notnull: number; default: string | null }>({
    sql: `select m.name as "table", c.name, lower(c.type) as type, c."notnull", c.dflt_value as "default"
      from sqlite_schema m join pragma_table_info(m.name) c
      where m.type = 'table' and m.name not like 'sqlite!_%' escape '!' ${named} order by m.name, c.cid`,
    parameters,
  })
  const indexed = await read<{ table: string; name: string; unique: number; column: string | null }>({
    sql: `select m.name as "table", i.name, i."unique", x.name as "column"
      from sqlite_schema m join pragma_index_list(m.name) i join pragma_index_info(i.name) x
      where m.type = 'table' and i.origin <> 'pk' ${named} order by m.name, i.name, x.seqno`,
    parameters,
  })
  return tablesFrom(
    columns.map(({ notnull, ...column }) => ({ ...column, nullable: notnull === 0 })),
    indexed.map((part) => ({ ...part, unique: part.unique === 1 })),
  )
}
