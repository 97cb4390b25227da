import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type FloorSettings, type FloorStore, newTicket, partColumns, ticketColumns } from './floor-store.ts'

/** One connection that reads and one that writes, as ours has; each create is a transaction of its own. */
export function openFloorStore({ address, organization, durable }: FloorSettings): FloorStore {
  const reading = new DatabaseSync(address, { readOnly: true })
  reading.exec('pragma cache_size=-16000; pragma mmap_size=67108864')
  const writing = new DatabaseSync(address, { timeout: 5000 })
  writing.exec(`pragma journal_mode=wal; pragma synchronous=${durable ? 'full' : 'normal'}; pragma cache_size=-8000`)
  const one = reading.prepare(`select ${ticketColumns.join(', ')} from "tabBench Ticket" where name = ?`)
  const parts = reading.prepare(
    `select ${partColumns.join(', ')} from "tabBench Ticket Part" where parent = ? and parenttype = 'Bench Ticket' and parentfield = 'parts' order by idx`,
  )
  const page = reading.prepare(
    `select t.name, t.subject, t.status, t.priority, t.modified, c.customer_name from "tabBench Ticket" t
      left join "tabBench Customer" c on c.name = t.customer where t.organization = ? and t.status = ? order by t.modified desc, t.name desc limit 20`,
  )
  const count = writing.prepare(`update "tabSeries" set current = current + 1 where name = 'TKT-' returning current`)
  const addTicket = writing.prepare(insertText('tabBench Ticket', ticketColumns))
  const addPart = writing.prepare(insertText('tabBench Ticket Part', partColumns))
  const add = (statement: StatementSync, columns: readonly string[], values: Record<string, unknown>) =>
    statement.run(...columns.map((column) => (values[column] ?? null) as string))
  return {
    ticket(name) {
      const ticket = one.get(name)
      return ticket && { ...ticket, parts: parts.all(name) }
    },
    list: (status) => page.all(organization, status),
    create(body) {
      writing.exec('begin immediate')
      try {
        const made = newTicket(body, Number(count.get()?.current))
        add(addTicket, ticketColumns, made.ticket)
        for (const part of made.parts) add(addPart, partColumns, part)
        writing.exec('commit')
        return { ...made.ticket, parts: made.parts }
      } catch (error) {
        writing.exec('rollback')
        throw error
      }
    },
    close() {
      reading.close()
      writing.close()
    },
  }
}

function insertText(table: string, columns: readonly string[]): string {
  return `insert into "${table}" (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`
}
