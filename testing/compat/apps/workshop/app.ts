import { Type } from 'typebox'
import { defineApp } from '#kernel/apps/app.ts'
import { count } from '#kernel/query/count.ts'
import { save } from '#kernel/documents/save.ts'
import { defineDocumentMethod, defineMethod, roles } from '#kernel/methods/method.ts'

const staff = roles('Workshop Staff')

const echo = defineMethod({
  path: 'workshop.api.echo',
  summary: 'Gives back what it was given, and by which verb.',
  verbs: ['GET', 'POST', 'PUT', 'DELETE'],
  input: Type.Object({ text: Type.String(), times: Type.Optional(Type.Integer()), tags: Type.Optional(Type.Array(Type.String())) }),
  rule: staff,
  handler: (_ctx, input) => ({ ...input }),
})

const openTickets = defineMethod({
  path: 'workshop.doctype.job_ticket.job_ticket.open_tickets',
  summary: 'How many tickets of a customer are open.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ customer: Type.String() }),
  rule: staff,
  handler: (ctx, { customer }) =>
    count(ctx, 'Job Ticket', { filters: { customer, status: 'Open' }, wire: { version: 1, zone: ctx.site.timeZone } }),
})

const nothing = defineMethod({
  path: 'workshop.api.nothing',
  summary: 'Answers with nothing, and says so to the user.',
  verbs: ['POST'],
  input: Type.Object({}),
  rule: staff,
  handler: (ctx) => {
    ctx.messages.push({ message: 'All done.', title: 'Workshop', indicator: 'green' })
  },
})

const close = defineDocumentMethod({
  verb: 'close',
  doctype: 'Job Ticket',
  summary: 'Closes the ticket with a last word.',
  input: Type.Object({ note: Type.Optional(Type.String()) }),
  needs: 'write',
  handler: async (ctx, document, { note }) => {
    const closed = await save(ctx, document, { status: 'Closed', notes: note ?? 'Closed.' })
    return `${closed.name} is closed`
  },
})

/** A small app for the tests that drive this server with clients made for Frappe. */
export default defineApp({
  name: 'workshop',
  title: 'Workshop',
  version: '1.0.0',
  roles: ['Workshop Staff', 'Workshop Visitor'],
  methods: [echo, openTickets, nothing],
  documentMethods: [close],
})
