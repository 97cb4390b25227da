import type { Context } from '#kernel/context/context.ts'
import { instantOfText, nowText } from '#kernel/context/time.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { OfAnotherOrganization, StatusRefused, TicketLoop } from '../../../errors.ts'
import { derive, eventsOf, record, type TicketEvent } from '../../../sla/clocks.ts'
import { matchPolicy, promiseOf } from '../../../sla/policies.ts'
import { assignee } from '../../assign.ts'

interface TicketFields {
  organization: string
  status: string
  priority: string
  category: string | null
  customer: string | null
  sla_policy: string | null
  assigned_to: string | null
  assigned_team: string | null
  parent_ticket: string | null
  escalation_level: number
  escalations: AnyDocument[]
  first_response_at: string | null
  resolved_at: string | null
  closed_at: string | null
  paused_at: string | null
  total_pause_duration: number | null
  sla_check_at: string | null
}

type NewEvent = Omit<TicketEvent, 'at'>

const done: ReadonlySet<string> = new Set(['Resolved', 'Closed'])
const linked = [
  ['customer', 'Customer'],
  ['contact', 'Contact'],
  ['lead', 'Lead'],
  ['category', 'Ticket Category'],
  ['sla_policy', 'SLA Policy'],
  ['assigned_team', 'User Group'],
  ['parent_ticket', 'Service Ticket'],
] as const
const pending = new WeakMap<object, { known: number; events: NewEvent[] }>()

/** What a customer asks for, with the deadlines that were promised. Whatever tells of time is derived from the log and never typed in. */
export default class ServiceTicket extends Document<TicketFields> {
  /** @throws StatusRefused, OfAnotherOrganization, TicketLoop */
  async validate(ctx: Context, { before }: { before?: TicketFields } = {}): Promise<void> {
    if (before && before.status !== this.status && (this.status === 'New' || (before.status === 'Closed' && this.status !== 'Open')))
      throw new StatusRefused({ field: 'status', from: before.status, to: this.status })
    await keepApart(this, ctx, before)
    await refuseLoop(this, ctx)
    if (!ctx.user.unrestricted) {
      this.escalation_level = before?.escalation_level ?? 0
      this.escalations = before?.escalations ?? []
    }
    if (!before || this.customer !== before.customer || this.category !== before.category || this.priority !== before.priority) {
      const isChosen = this.sla_policy && this.sla_policy !== before?.sla_policy
      if (!isChosen) this.sla_policy = (await matchPolicy(ctx, this as unknown as AnyDocument)) ?? null
    }
    if (!before && !this.assigned_to) await assign(this, ctx)
    await reckon(this, ctx, before)
  }

  async on_update(ctx: Context, { before }: { before?: TicketFields } = {}): Promise<void> {
    const { known, events } = pending.get(this) ?? { known: 0, events: [] }
    pending.delete(this)
    await record(ctx, this, known, events)
    if (!this.sla_check_at || this.sla_check_at === before?.sla_check_at) return
    const delayMs = Math.min(Math.max(0, instantOfText(this.sla_check_at) - ctx.clock.now()), 300 * 86_400_000)
    await enqueue(ctx, 'helpdesk.check-sla', { ticket: this.name }, { delayMs, key: `${this.name} ${this.sla_check_at}` })
  }
}

async function keepApart(ticket: ServiceTicket, ctx: Context, before: TicketFields | undefined): Promise<void> {
  for (const [field, doctype] of linked) {
    const value = (ticket as unknown as Record<string, unknown>)[field]
    if (typeof value !== 'string' || value === '' || (before as Record<string, unknown> | undefined)?.[field] === value) continue
    const target = await find(ctx, await ctx.site.meta.get(doctype), value)
    if (target && target.organization !== ticket.organization)
      throw new OfAnotherOrganization({ field, value, organization: ticket.organization })
  }
}

async function refuseLoop(ticket: ServiceTicket, ctx: Context): Promise<void> {
  for (let above = ticket.parent_ticket, steps = 0; above; steps++) {
    if (above === ticket.name || steps > 50) throw new TicketLoop({ field: 'parent_ticket', ticket: ticket.name })
    const parent: AnyDocument | undefined = await find(ctx, await ctx.site.meta.get('Service Ticket'), above)
    above = (parent?.parent_ticket as string | null | undefined) ?? null
  }
}

async function assign(ticket: ServiceTicket, ctx: Context): Promise<void> {
  if (!ticket.assigned_team && ticket.category) {
    const category = await find(ctx, await ctx.site.meta.get('Ticket Category'), ticket.category)
    ticket.assigned_team = (category?.team as string | null | undefined) ?? null
  }
  if (ticket.assigned_team) ticket.assigned_to = (await assignee(ctx, ticket.assigned_team)) ?? null
}

async function reckon(ticket: ServiceTicket, ctx: Context, before: TicketFields | undefined): Promise<void> {
  const known = before ? await eventsOf(ctx, ticket.name) : []
  const promised = ticket.sla_policy ? await promiseOf(ctx, ticket.sla_policy) : undefined
  const isPaused = (status: string | undefined) =>
    (status === 'Pending' && (!promised || !!promised.document.pause_on_pending)) ||
    (status === 'On Hold' && (!promised || !!promised.document.pause_on_hold))
  const added: NewEvent[] = []
  const add = (type: string, detail: string | null = null) => added.push({ type, detail })
  if (!before) add('created', ticket.priority)
  else if (before.priority !== ticket.priority) add('priority', ticket.priority)
  if (before?.sla_policy !== ticket.sla_policy && before) add('policy', ticket.sla_policy)
  if (before?.assigned_to !== ticket.assigned_to && ticket.assigned_to) add('assigned', ticket.assigned_to)
  const wasPaused = known.findLast(({ type }) => type === 'pause' || type === 'resume')?.type === 'pause'
  if (isPaused(ticket.status) && !wasPaused) add('pause')
  if (!isPaused(ticket.status) && wasPaused) add('resume')
  if (done.has(ticket.status) && !done.has(before?.status ?? '')) add('resolved')
  if (!done.has(ticket.status) && done.has(before?.status ?? '')) add('reopened')
  if (before && before.status !== ticket.status) add('status', ticket.status)
  pending.set(ticket, { known: known.length, events: added })
  const now = nowText(ctx)
  const events = [...known, ...added.map((event) => ({ ...event, at: now }))]
  readTimes(ticket, events, ctx)
  Object.assign(ticket, {
    response_due: null,
    resolution_due: null,
    response_state: null,
    resolution_state: null,
    sla_status: 'Within SLA',
    sla_check_at: null,
  })
  if (promised) Object.assign(ticket, derive(promised, events, ctx.clock.now())?.fields)
}

function readTimes(ticket: ServiceTicket, events: readonly TicketEvent[], ctx: Context): void {
  const last = (type: string) => events.findLast((event) => event.type === type)?.at ?? null
  ticket.first_response_at = events.find(({ type }) => type === 'first_response')?.at ?? null
  ticket.resolved_at = done.has(ticket.status) ? last('resolved') : null
  ticket.closed_at =
    ticket.status === 'Closed'
      ? (events.findLast(({ type, detail }) => type === 'status' && detail === 'Closed')?.at ?? nowText(ctx))
      : null
  let [pausedAt, sum]: [string | null, number] = [null, 0]
  for (const { type, at } of events) {
    if (type === 'pause') pausedAt = at
    if (type !== 'resume' || pausedAt === null) continue
    sum += (instantOfText(at) - instantOfText(pausedAt)) / 1000
    pausedAt = null
  }
  ticket.paused_at = pausedAt
  ticket.total_pause_duration = Math.round(sum)
}
