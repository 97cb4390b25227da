import { randomBytes } from 'node:crypto'

export interface FloorSettings {
  /** The SQLite file, or the URL of the database. */
  readonly address: string
  /** What lists are confined to. */
  readonly organization: string
  /** SQLite with synchronous=FULL. */
  readonly durable?: boolean
}

type Values = Record<string, unknown>

/** The floor's few statements, behind which the two engines differ in spelling only. */
export interface FloorStore {
  ticket(name: string): Promise<Values | undefined> | Values | undefined
  /** The 20 tickets of a status that changed last. */
  list(status: string): Promise<Values[]> | Values[]
  create(values: Values): Promise<Values> | Values
  close(): Promise<void> | void
}

/** What the measured user may see of a ticket. */
export const ticketColumns = [
  'name',
  'owner',
  'creation',
  'modified',
  'modified_by',
  'docstatus',
  'idx',
  'subject',
  'organization',
  'customer',
  'status',
  'priority',
  'channel',
  'description',
  'contact_email',
  'due_on',
  'opened_at',
  'is_escalated',
  'effort',
  'estimate',
] as const

export const partColumns = [
  'name',
  'owner',
  'creation',
  'modified',
  'modified_by',
  'docstatus',
  'idx',
  'parent',
  'parenttype',
  'parentfield',
  'item',
  'quantity',
  'rate',
] as const

/** A new ticket and its parts as stored, with the standard columns filled in. */
export function newTicket(body: Values, number: number): { ticket: Values; parts: Values[] } {
  const now = new Date().toISOString().replace('T', ' ').replace('Z', '000')
  const standard = { owner: 'agent@bench.example', creation: now, modified: now, modified_by: 'agent@bench.example', docstatus: 0, idx: 0 }
  const name = `TKT-${String(number).padStart(8, '0')}`
  const { parts = [], ...values } = body as { parts?: Values[] }
  const ticket = { ...values, ...standard, name }
  const place = { parent: name, parenttype: 'Bench Ticket', parentfield: 'parts' }
  return {
    ticket,
    parts: parts.map((part, index) => ({ ...part, ...standard, ...place, name: randomBytes(5).toString('hex'), idx: index + 1 })),
  }
}
