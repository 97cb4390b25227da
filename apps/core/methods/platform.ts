import { Type } from 'typebox'
import { defineMethod, guests, type Method } from '#kernel/methods/method.ts'

const ping = defineMethod({
  path: 'ping',
  summary: 'Answers "pong" when the site serves requests.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: guests,
  handler: () => 'pong',
})

/** Methods about the platform itself. */
export const platformMethods: readonly Method[] = [ping, { ...ping, path: 'frappe.ping' }]
