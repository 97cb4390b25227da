import { and, where } from '#client/rules/predicate.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { derive, eventsOf, record, type Step } from './clocks.ts'
import { promiseOf } from './policies.ts'

interface Rule {
  trigger_type: string
  escalation_level: number
  notify_role: string | null
  auto_assign_to: string | null
}

/** Does what is due for a ticket: each step once, since its row is locked from the look into its log to the commit. */
async function checkTicket(ctx: Context, name: string): Promise<number> {
  await ctx.db.begin()
  const ticket = await find(ctx, await ctx.site.meta.get('Service Ticket'), name, true)
  if (!ticket?.sla_policy) return 0
  const promised = await promiseOf(ctx, String(ticket.sla_policy))
  if (!promised) return 0
  const events = await eventsOf(ctx, name)
  const due = derive(promised, events, ctx.clock.now())?.due ?? []
  await record(
    ctx,
    ticket,
    events.length,
    due.map(({ key }) => ({ type: 'escalation', detail: key })),
  )
  const rules = (promised.document.escalation_rules ?? []) as Rule[]
  const changes: Record<string, unknown> = {}
  for (const step of due) await take(ctx, ticket, step, rules, changes)
  // Saved also when nothing was due: the next look is reckoned anew.
  await save(ctx, ticket, changes)
  return due.length
}

async function take(
  ctx: Context,
  ticket: AnyDocument,
  step: Step,
  rules: readonly Rule[],
  changes: Record<string, unknown>,
): Promise<void> {
  const trigger = `${step.clock === 'response' ? 'Response' : 'Resolution'} SLA ${step.kind === 'breach' ? 'Breached' : 'At Risk'}`
  const rule = step.kind === 'warning' ? undefined : rules.find((one) => one.trigger_type === trigger)
  const users = ticket.assigned_to ? [String(ticket.assigned_to)] : []
  if (step.kind !== 'warning') users.push(...(await holdersOf(ctx, rule?.notify_role || 'Support Manager')))
  const level = Number(changes.escalation_level ?? ticket.escalation_level ?? 0)
  const target = rule?.escalation_level ?? (step.kind === 'breach' ? level + 1 : level)
  if (target > level) {
    const rows = (changes.escalations ?? ticket.escalations ?? []) as Record<string, unknown>[]
    const row = { escalated_at: nowText(ctx), escalated_from: level, escalated_to: target, reason: 'SLA Breach', notes: step.key }
    changes.escalations = [...rows, row]
    changes.escalation_level = target
  }
  if (rule?.auto_assign_to) changes.assigned_to = rule.auto_assign_to
  const what = { warning: 'nears its deadline', 'at-risk': 'is at risk', breach: 'is overdue' }[step.kind]
  await notify(ctx, {
    users,
    subject: `${ticket.name} ${what} (${step.clock})`,
    type: 'Alert',
    about: { doctype: 'Service Ticket', name: ticket.name },
  })
}

/** Users with a role; who may not read the ticket is not told. */
async function holdersOf(ctx: Context, role: string): Promise<string[]> {
  const holding = and(where('enabled', '=', 1), { child: 'roles', where: where('role', '=', role) })
  return (await findRows(ctx, await ctx.site.meta.get('User'), holding, { fields: ['name'], limit: 200 })).map(({ name }) => name)
}

/** At the very instant at which something falls due. */
export const checkSla: JobDefinition = {
  queue: 'short',
  asSystem: 'escalates a ticket whose time has come',
  run: async (ctx, { ticket }) => ({ steps: await checkTicket(ctx, String(ticket)) }),
}

/** Each minute: what no job of its own came for, as after the hours of a policy changed. */
export const sweepSla: JobDefinition = {
  queue: 'short',
  asSystem: 'escalates tickets whose time has come',
  run: async (ctx, _, job) => {
    const meta = await ctx.site.meta.get('Service Ticket')
    const over = and(where('sla_check_at', 'set'), where('sla_check_at', '<=', nowText(ctx)))
    const found = await findRows(ctx, meta, over, { fields: ['name'], orderBy: [['sla_check_at', 'asc']], limit: 500 })
    for (const { name } of found) await job.step(name, (own) => checkTicket(own.asSystem('escalates tickets whose time has come'), name))
    return { looked: found.length }
  },
}
