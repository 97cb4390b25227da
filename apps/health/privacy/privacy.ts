import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import { checkedPerDocument, defineMethod, roles } from '#kernel/methods/method.ts'
import { clinicalRoles, healthPermissions, phiDoctypes } from '../access.ts'
import { keepFilePrivate, refuseShare } from '../closed.ts'
import { fixedFields, logReads, whoSawMine } from './access-log.ts'
import { breakGlass, endGlass, reviewGlass } from './break-glass.ts'

const name = Type.String({ minLength: 1, maxLength: 140 })

const methods = [
  defineMethod({
    path: 'orchestrator.health.break_glass',
    summary: 'Opens a patient whom the caller does not treat, for a while and for a reason; privacy officers are told.',
    verbs: ['POST'],
    input: Type.Object({
      patient: Type.Optional(name),
      uid: Type.Optional(name),
      reason: Type.String({ maxLength: 1000 }),
      minutes: Type.Optional(Type.Number()),
    }),
    rule: roles(...clinicalRoles),
    handler: breakGlass,
  }),
  defineMethod({
    path: 'orchestrator.health.end_break_glass',
    summary: 'Ends the caller’s own emergency access.',
    verbs: ['POST'],
    input: Type.Object({ access: name }),
    rule: roles(...clinicalRoles),
    handler: (ctx, { access }) => endGlass(ctx, access),
  }),
  defineMethod({
    path: 'orchestrator.health.review_break_glass',
    summary: 'A privacy officer says whether emergency access was justified. If not, it ends.',
    verbs: ['POST'],
    input: Type.Object({
      access: name,
      outcome: Type.Union([Type.Literal('Justified'), Type.Literal('Not justified')]),
      note: Type.Optional(Type.String({ maxLength: 1000 })),
    }),
    rule: roles('Privacy Officer'),
    handler: (ctx, { access, outcome, note = '' }) => reviewGlass(ctx, { access, outcome, note }),
  }),
  defineMethod({
    path: 'orchestrator.health.who_saw_my_record',
    summary: 'Who saw the caller’s own record, when, how, and under which emergency.',
    verbs: ['GET', 'POST'],
    input: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
      before: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,6})?Z?$' })),
    }),
    rule: checkedPerDocument('only lines about patients as whom the caller signs in'),
    handler: (ctx, { limit = 100, before }) => whoSawMine(ctx, { limit, ...(before ? { before } : {}) }),
  }),
]

/** Who may see protected health information, in an emergency too, and the log of who did. */
export const privacyPart: AppPart = {
  methods,
  permissions: healthPermissions,
  onRead: Object.fromEntries(Object.keys(phiDoctypes).map((doctype) => [doctype, logReads])),
  appendOnly: { 'PHI Access Log': fixedFields },
  events: { DocShare: { validate: refuseShare }, File: { before_validate: keepFilePrivate } },
}
