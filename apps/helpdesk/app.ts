import { defineApp } from '#kernel/apps/app.ts'
import { slaPart } from './sla/sla.ts'
import { ticketsPart } from './tickets/tickets.ts'

/** What customers ask for: tickets, and the times in which they are answered and resolved. */
export default defineApp({
  name: 'helpdesk',
  title: 'Helpdesk',
  version: '0.1.0',
  requires: ['hr'],
  parts: [slaPart, ticketsPart],
})
