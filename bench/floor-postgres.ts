import pg from 'pg'
import { type FloorSettings, type FloorStore, newTicket, partColumns, ticketColumns } from './floor-store.ts'

/** A pool as large as ours; statements are prepared once per connection. Times and numbers come as text, as ours do. */
export async function openFloorStore({ address, organization }: FloorSettings): Promise<FloorStore> {
  const pool = new pg.Pool({
    connectionString: address,
    max: 10,
    types: { getTypeParser: (id: number) => (id === 21 || id === 23 ? Number : String) } as never,
  })
  const one = { name: 'one', text: `select ${ticketColumns.join(', ')} from "tabBench Ticket" where name = $1` }
  const parts = {
    name: 'parts',
    text: `select ${partColumns.join(', ')} from "tabBench Ticket Part" where parent = $1 and parenttype = 'Bench Ticket' and parentfield = 'parts' order by idx`,
  }
  const page = {
    name: 'page',
    text: `select t.name, t.subject, t.status, t.priority, t.modified, c.customer_name from "tabBench Ticket" t
      left join "tabBench Customer" c on c.name = t.customer where t.organization = $1 and t.status = $2 order by t.modified desc, t.name desc limit 20`,
  }
  const count = { name: 'count', text: `update "tabSeries" set current = current + 1 where name = 'TKT-' returning current` }
  const addTicket = { name: 'add-ticket', text: insertText('tabBench Ticket', ticketColumns) }
  const addPart = { name: 'add-part', text: insertText('tabBench Ticket Part', partColumns) }
  const valuesOf = (columns: readonly string[], row: Record<string, unknown>) => columns.map((column) => row[column] ?? null)
  return {
    async ticket(name) {
      const { rows } = await pool.query({ ...one, values: [name] })
      if (!rows[0]) return undefined
      return { ...rows[0], parts: (await pool.query({ ...parts, values: [name] })).rows }
    },
    list: async (status) => (await pool.query({ ...page, values: [organization, status] })).rows,
    async create(body) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const made = newTicket(body, Number((await client.query(count)).rows[0].current))
        await client.query({ ...addTicket, values: valuesOf(ticketColumns, made.ticket) })
        for (const part of made.parts) await client.query({ ...addPart, values: valuesOf(partColumns, part) })
        await client.query('commit')
        return { ...made.ticket, parts: made.parts }
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}

function insertText(table: string, columns: readonly string[]): string {
  return `insert into "${table}" (${columns.join(', ')}) values (${columns.map((_, index) => `$${index + 1}`).join(', ')})`
}
