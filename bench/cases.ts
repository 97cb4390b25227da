import { type RawRequest, rawRequest } from './load.ts'
import { customerName, firstOwnTicket, ownOrganization, ticketName, ticketStride, type World } from './world.ts'

/** The same thing asked of both servers. */
export interface Case {
  readonly name: string
  /** How many times the floor's CPU is allowed. */
  readonly target?: number
  readonly writes?: boolean
  ours(world: World, number: number): RawRequest
  floor(world: World, number: number): RawRequest
}

const fields = ['name', 'subject', 'status', 'priority', 'modified', 'customer.customer_name as customer_name']

/** 20 tickets by six fields, one of them the title of a link. */
export function listPath(): string {
  return ticketsPath({ filters: JSON.stringify([['status', '=', 'Open']]) })
}

/** The same without a filter. */
export function latestPath(): string {
  return ticketsPath({})
}

function ticketsPath(more: Readonly<Record<string, string>>): string {
  const query = { fields: JSON.stringify(fields), ...more, order_by: 'modified desc', limit_page_length: '20' }
  return `/api/resource/Bench%20Ticket?${new URLSearchParams(query)}`
}

/** Tickets of the measured user's organisation, in an order that no cache has seen. */
function ownTicket({ tickets }: World, number: number): string {
  const rounds = Math.floor(tickets / ticketStride)
  return ticketName(firstOwnTicket + ((number * 7919) % rounds) * ticketStride)
}

const authorization = (world: World) => ({ Authorization: world.agent })

export const cases: readonly Case[] = [
  {
    name: 'ping',
    ours: (world) => rawRequest('GET', '/api/method/ping', authorization(world)),
    floor: () => rawRequest('GET', '/ping'),
  },
  {
    name: 'get one with its child rows',
    target: 3,
    ours: (world, number) => rawRequest('GET', `/api/resource/Bench%20Ticket/${ownTicket(world, number)}`, authorization(world)),
    floor: (world, number) => rawRequest('GET', `/ticket/${ownTicket(world, number)}`),
  },
  {
    name: 'list 20 of 6 fields, link title, filter, sort',
    target: 3,
    ours: (world) => rawRequest('GET', listPath(), authorization(world)),
    floor: () => rawRequest('GET', '/ticket?status=Open'),
  },
  {
    name: 'create with 2 child rows, audit',
    target: 4,
    writes: true,
    ours: (world, number) => createRequest(world, number),
    floor: (_world, number) => rawRequest('POST', '/ticket', {}, JSON.stringify(ticketValues(number))),
  },
]

/** Adds a ticket to ours. */
export function createRequest(world: World, number: number): RawRequest {
  return rawRequest('POST', '/api/resource/Bench%20Ticket', authorization(world), JSON.stringify(ticketValues(number)))
}

function ticketValues(number: number): object {
  return {
    subject: `A new ticket, the ${number}th of this run`,
    organization: ownOrganization,
    customer: customerName(firstOwnTicket, number % 25),
    status: 'Open',
    priority: 'High',
    channel: 'Phone',
    description: 'Somebody called: the door of the lift stays open and the bell keeps ringing.',
    contact_email: 'caller@example.com',
    due_on: '2026-12-01',
    opened_at: '2026-11-20 09:30:00',
    is_escalated: 1,
    effort: 1.5,
    estimate: 120.5,
    parts: [
      { item: 'Door sensor', quantity: 1, rate: 40 },
      { item: 'Bell', quantity: 2, rate: 9.5 },
    ],
  }
}
