import { Type } from 'typebox'
import { BusinessCalendar } from '#client/rules/business-calendar.ts'
import { type SlaClock, type SlaEvent, type SlaPolicy, slaClocks } from '#client/rules/sla.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { defineMethod, signedIn } from '#kernel/methods/method.ts'

const path = 'dartwing_company.api.v1.tickets.preview_sla'
const mostEvents = 10_000

/** A time with its distance from UTC, in milliseconds since 1970. @throws BadInput */
function instant(text: unknown, field: string): number {
  const isTime = typeof text === 'string' && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
  const at = isTime ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at)) throw new BadInput({ method: path, field, reason: 'must be a time of ISO 8601 with its offset' })
  return at
}

/** Spans as people check them: each counted interval, and how long it is. */
function explained(calendar: BusinessCalendar, clock: SlaClock) {
  return {
    state: clock.state,
    target_minutes: clock.target === undefined ? null : clock.target / 60_000,
    elapsed_minutes: clock.elapsed / 60_000,
    percent: clock.percent,
    intervals: clock.counted.map(({ from, to }) => ({ from: calendar.local(from), to: calendar.local(to), minutes: (to - from) / 60_000 })),
  }
}

/** What a policy would promise: deadlines of a history that is stored nowhere. */
export const previewSla = defineMethod({
  path,
  summary: 'The deadlines that a policy gives a ticket with these events, with each interval that counts.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    policy: Type.Object({}, { additionalProperties: true }),
    priority: Type.String({ minLength: 1, maxLength: 140 }),
    created: Type.String(),
    events: Type.Optional(Type.Array(Type.Object({}, { additionalProperties: true }), { maxItems: mostEvents })),
    /** The instant that `explain` and what remains are about; default: the last event. */
    at: Type.Optional(Type.String()),
  }),
  rule: signedIn,
  handler: (_ctx, given) => {
    const policy = given.policy as unknown as SlaPolicy
    if (typeof policy.timezone !== 'string') throw new BadInput({ method: path, field: 'policy.timezone', reason: 'is needed' })
    if (typeof policy.targets !== 'object' || policy.targets === null)
      throw new BadInput({ method: path, field: 'policy.targets', reason: 'is needed' })
    const calendar = new BusinessCalendar(policy)
    const events = (given.events ?? []).map((event, index) => {
      const one = event as Record<string, unknown>
      return { ...one, at: instant(one.at, `events[${index}].at`) } as unknown as SlaEvent
    })
    const history = { policy, priority: given.priority, created: instant(given.created, 'created'), events }
    const { response, resolution } = slaClocks(history, given.at ? instant(given.at, 'at') : undefined, calendar)
    const due = (clock: SlaClock) => (clock.due === null ? null : calendar.local(clock.due))
    const left = (clock: SlaClock) => clock.remaining / 60_000
    return {
      response_due: due(response),
      resolution_due: due(resolution),
      ...(response.state === 'paused' && { response_remaining_minutes: left(response) }),
      ...(resolution.state === 'paused' && { resolution_remaining_minutes: left(resolution) }),
      explain: { response: explained(calendar, response), resolution: explained(calendar, resolution) },
    }
  },
})
