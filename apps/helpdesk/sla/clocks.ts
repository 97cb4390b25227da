import { instantOfShare, type SlaClocks, type SlaEvent, type SlaHistory, slaClocks } from '#client/rules/sla.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { instantOfText, nowText, textOfInstant } from '#kernel/context/time.ts'
import { insert } from '#kernel/documents/save.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { Promised } from './policies.ts'

/** A line of a ticket's log. */
export interface TicketEvent {
  readonly at: string
  readonly type: string
  readonly detail: string | null
}

const counted: ReadonlySet<string> = new Set(['pause', 'resume', 'first_response', 'resolved', 'reopened', 'priority'])

/** What happened to a ticket, in order. */
export async function eventsOf(ctx: Context, ticket: string): Promise<TicketEvent[]> {
  const rows = await findRows(ctx, await ctx.site.meta.get('Ticket Event'), where('ticket', '=', ticket), {
    fields: ['at', 'type', 'detail'],
    orderBy: [['sequence', 'asc']],
  })
  return rows as unknown as TicketEvent[]
}

/** Adds to the log of a ticket whose row the caller has locked. */
export async function record(
  ctx: Context,
  ticket: { name: string; organization?: unknown },
  known: number,
  events: readonly Omit<TicketEvent, 'at'>[],
): Promise<void> {
  for (const [index, { type, detail }] of events.entries())
    await insert(ctx.asSystem('the log of a ticket'), 'Ticket Event', {
      ticket: ticket.name,
      organization: ticket.organization,
      sequence: known + index + 1,
      at: nowText(ctx),
      type,
      detail,
      by: ctx.user.name,
    })
}

/** The log as the engine reads it; undefined before the ticket was made. */
export function historyOf(promised: Promised, events: readonly TicketEvent[]): SlaHistory | undefined {
  const [first] = events
  if (!first) return undefined
  return {
    policy: promised.policy,
    priority: first.detail ?? 'Normal',
    created: instantOfText(first.at),
    events: events
      .filter(({ type }) => counted.has(type))
      .map(({ at, type, detail }) => ({ at: instantOfText(at), type, ...(type === 'priority' && { to: detail }) }) as SlaEvent),
  }
}

/** A step of an escalation that is due, or will be. */
export interface Step {
  readonly clock: 'response' | 'resolution'
  readonly kind: 'warning' | 'at-risk' | 'breach'
  /** Under which it stands in the log: each comes once. */
  readonly key: string
  readonly percent: number
}

/** What of a ticket derives from its log and its policy. */
export interface Derived {
  readonly clocks: SlaClocks
  readonly fields: Record<string, unknown>
  readonly due: readonly Step[]
}

/** @param now milliseconds since 1970 */
export function derive(promised: Promised, events: readonly TicketEvent[], now: number): Derived | undefined {
  const history = historyOf(promised, events)
  if (!history) return undefined
  const clocks = slaClocks(history, now, promised.calendar)
  const done = new Set(events.filter(({ type }) => type === 'escalation').map(({ detail }) => detail))
  const due: Step[] = []
  // Of each clock, the share at which something is due next: reckoning an instant is what takes time.
  const soonest = new Map<Step['clock'], number>()
  for (const step of stepsOf(promised)) {
    const clock = clocks[step.clock]
    if (done.has(step.key) || clock.stopped !== null || clock.target === undefined) continue
    if (step.kind === 'breach' ? clock.state === 'breached' : clock.percent >= step.percent && clock.state !== 'breached') due.push(step)
    else if (clock.state === 'running') soonest.set(step.clock, Math.min(soonest.get(step.clock) ?? 100, step.percent))
  }
  let next: number | undefined
  for (const [clock, percent] of soonest) {
    const at = instantOfShare(history, clock, percent, promised.calendar)
    // A deadline is missed only after it.
    if (at !== null && at >= now) next = Math.min(next ?? Number.POSITIVE_INFINITY, Math.ceil(at) + 1)
  }
  const states = [clocks.response, clocks.resolution]
  const risk = Number(promised.document.at_risk_percent || 90)
  const isAtRisk = states.some((clock) => clock.stopped === null && clock.target !== undefined && clock.percent >= risk)
  const text = (at: number | null) => (at === null ? null : textOfInstant(at))
  return {
    clocks,
    due,
    fields: {
      response_due: text(clocks.response.due),
      resolution_due: text(clocks.resolution.due),
      response_state: clocks.response.state,
      resolution_state: clocks.resolution.state,
      sla_status: states.some(({ state }) => state === 'breached') ? 'Breached' : isAtRisk ? 'At Risk' : 'Within SLA',
      sla_check_at: next === undefined ? (due.length > 0 ? textOfInstant(now) : null) : textOfInstant(due.length > 0 ? now : next),
    },
  }
}

function stepsOf({ document }: Promised): Step[] {
  const rules = (document.escalation_rules ?? []) as { trigger_type: string; at_risk_threshold_percent: number }[]
  return (['response', 'resolution'] as const).flatMap((clock) => {
    const name = clock === 'response' ? 'Response' : 'Resolution'
    const own = rules.find((rule) => rule.trigger_type === `${name} SLA At Risk`)
    return [
      { clock, kind: 'warning' as const, key: `${clock}:warning`, percent: Number(document.warning_percent || 75) },
      {
        clock,
        kind: 'at-risk' as const,
        key: `${clock}:at-risk`,
        percent: Number(own?.at_risk_threshold_percent || document.at_risk_percent || 90),
      },
      { clock, kind: 'breach' as const, key: `${clock}:breach`, percent: 100 },
    ]
  })
}
