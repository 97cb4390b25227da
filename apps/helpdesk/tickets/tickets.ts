import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { nowText } from '#kernel/context/time.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { eventsOf, record } from '../sla/clocks.ts'

/** A message about a ticket: the first of an agent is the response, one of the customer opens it again. */
const messageCame: DocumentListener = async (ctx, message) => {
  if (message.reference_doctype !== 'Service Ticket' || !message.reference_name || message.communication_type !== 'Communication') return
  if (message.email_status === 'Spam') return
  await ctx.db.begin()
  const elevated = ctx.asSystem('a message about a ticket')
  const ticket = await find(elevated, await ctx.site.meta.get('Service Ticket'), String(message.reference_name), true)
  if (!ticket) return
  const events = await eventsOf(elevated, ticket.name)
  const isAnswer = message.sent_or_received === 'Sent'
  if (isAnswer) {
    const isFirst = !events.some(({ type }) => type === 'first_response')
    await record(ctx, ticket, events.length, [{ type: isFirst ? 'first_response' : 'agent_message', detail: message.name }])
    await save(elevated, ticket, ticket.status === 'New' ? { status: 'Open' } : {})
    return
  }
  await record(ctx, ticket, events.length, [{ type: 'customer_message', detail: message.name }])
  await save(elevated, ticket, ['Pending', 'Resolved', 'Closed'].includes(String(ticket.status)) ? { status: 'Open' } : {})
}

const escalate = defineDocumentMethod({
  verb: 'escalate',
  doctype: 'Service Ticket',
  summary: 'Raises the level of a ticket by one, and notes why.',
  input: Type.Object({
    reason: Type.Union([Type.Literal('Manual'), Type.Literal('Customer Request')]),
    notes: Type.Optional(Type.String({ maxLength: 2000 })),
  }),
  needs: 'write',
  handler: async (ctx, ticket, { reason, notes }) => {
    const from = Number(ticket.escalation_level ?? 0)
    const row = { escalated_at: nowText(ctx), escalated_from: from, escalated_to: from + 1, reason, notes, escalated_by: ctx.user.name }
    const rows = (ticket.escalations ?? []) as Record<string, unknown>[]
    await save(ctx.asSystem('a ticket is escalated by hand'), ticket, { escalation_level: from + 1, escalations: [...rows, row] })
    return { level: from + 1 }
  },
})

/** Tickets, their life, and who takes them. */
export const ticketsPart: AppPart = { events: { Communication: { after_insert: messageCame } }, documentMethods: [escalate] }
