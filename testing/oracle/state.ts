import { type Sql, sql } from '#kernel/database/sql.ts'
import type { Stage } from './stage.ts'

type Row = Record<string, unknown>
/** Every Case and Memo as stored, with its visits, by `DocType/name`. */
export type State = Map<string, Row>

/** The documents as they are stored now. */
export async function stateOf(stage: Stage): Promise<State> {
  return stage.server.asSystem(async (ctx) => {
    const rows = (statement: Sql) => ctx.db.query<Row>(ctx.db.dialect.compile(statement))
    const state: State = new Map()
    const docstatus = (row: Row) => ({ ...row, docstatus: Number(row.docstatus) })
    for (const row of await rows(sql`select name, owner, docstatus, note, region, organization, phone, secret from ${sql.id('tabCase')}`))
      state.set(`Case/${row.name}`, { ...docstatus(row), visits: [] })
    for (const row of await rows(sql`select name, owner, docstatus, note, region, about, secret from ${sql.id('tabMemo')}`))
      state.set(`Memo/${row.name}`, docstatus(row))
    for (const { parent, ...row } of await rows(
      sql`select name, parent, region, note, secret from ${sql.id('tabCase Visit')} order by idx`,
    ))
      (state.get(`Case/${parent}`)?.visits as Row[] | undefined)?.push(row)
    return state
  })
}

/** One of several, by turns. */
export function pick<T>(all: readonly T[], turn: number): T {
  return all[turn % all.length] as T
}
