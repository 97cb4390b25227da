import { Decimal } from '#client/rules/decimal.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { sameValue } from '#kernel/documents/cast.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { rowNamed, rowsNamed, rowsOf } from '../rows.ts'

interface Hours {
  hours: number
  cost: Decimal
  billable: Decimal
}

/** What the submitted documents of billing say of a project, in the currency of the organization. */
export interface ProjectFigures extends Hours {
  /** By task. */
  readonly tasks: ReadonlyMap<string, Hours>
  readonly billed: Decimal
}

/**
 * Reads hours and amounts of a project from time sheets and invoices, where an app brings them, and keeps them on the project and its tasks.
 * Nothing is counted along: asked again, it comes to the same.
 */
export async function recalculate(ctx: Context, project: string): Promise<void> {
  const row = await rowNamed(ctx, 'Project', project, ['estimated_costing', 'actual_time', ...figureFields])
  if (!row) return
  const figures = await figuresOf(ctx, project)
  const margin = figures.billed.minus(figures.cost)
  await keep(ctx, 'Project', project, row, {
    actual_time: rounded(figures.hours),
    total_costing_amount: figures.cost,
    total_billable_amount: figures.billable,
    total_billed_amount: figures.billed,
    gross_margin: margin,
    per_gross_margin: figures.billed.isZero() ? 0 : margin.times(100).dividedBy(figures.billed, 2, 'half-up').toNumber(),
    budget_left: Decimal.from((row.estimated_costing as Decimal | null) ?? 0).minus(figures.cost),
  })
  const tasks = await rowsOf(ctx, 'Task', where('project', '=', project), {
    fields: ['name', 'actual_time', 'total_costing_amount', 'total_billing_amount'],
  })
  for (const task of tasks) {
    const { hours, cost, billable } = figures.tasks.get(task.name) ?? none()
    await keep(ctx, 'Task', task.name, task, { actual_time: rounded(hours), total_costing_amount: cost, total_billing_amount: billable })
  }
}

const figureFields = [
  'total_costing_amount',
  'total_billable_amount',
  'total_billed_amount',
  'gross_margin',
  'per_gross_margin',
  'budget_left',
] as const

async function keep(
  ctx: Context,
  doctype: string,
  name: string,
  now: Record<string, unknown>,
  values: Record<string, unknown>,
): Promise<void> {
  const changed = Object.entries(values).filter(([field, value]) => !sameAmount(now[field], value))
  if (changed.length > 0) await writeThrough(ctx.asSystem('figures of a project'), doctype, name, Object.fromEntries(changed))
}

const sameAmount = (a: unknown, b: unknown): boolean =>
  b instanceof Decimal ? b.minus((a as Decimal | null) ?? 0).isZero() : sameValue(a ?? 0, b)

async function figuresOf(ctx: Context, project: string): Promise<ProjectFigures> {
  const total = none()
  const tasks = new Map<string, Hours>()
  for (const { task, hours, cost, billable } of await workedFor(ctx, project)) {
    add(total, hours, cost, billable)
    if (task === '') continue
    const sum = tasks.get(task) ?? none()
    add(sum, hours, cost, billable)
    tasks.set(task, sum)
  }
  return {
    ...rounding(total),
    tasks: new Map([...tasks].map(([task, sum]) => [task, rounding(sum)])),
    billed: await billedFor(ctx, project),
  }
}

const none = (): Hours => ({ hours: 0, cost: Decimal.zero, billable: Decimal.zero })

function add(sum: Hours, hours: number, cost: Decimal, billable: Decimal): void {
  sum.hours += hours
  sum.cost = sum.cost.plus(cost)
  sum.billable = sum.billable.plus(billable)
}

/** Amounts are rounded once, when everything is in. */
const rounding = ({ hours, cost, billable }: Hours): Hours => ({
  hours,
  cost: cost.round(2, 'half-up'),
  billable: billable.round(2, 'half-up'),
})
const rounded = (hours: number): number => Math.round(hours * 1000) / 1000

async function has(ctx: Context, doctype: string, ...fields: string[]): Promise<boolean> {
  if (!(await ctx.site.meta.exists(doctype))) return false
  const meta = await ctx.site.meta.meta(doctype)
  return fields.every((field) => meta.column.has(field))
}

interface Line {
  readonly task: string
  readonly hours: number
  readonly cost: Decimal
  readonly billable: Decimal
}

async function workedFor(ctx: Context, project: string): Promise<Line[]> {
  if (!(await has(ctx, 'Timesheet Detail', 'project', 'task', 'hours', 'costing_amount', 'billing_amount'))) return []
  const lines = await findRows(
    ctx,
    await ctx.site.meta.meta('Timesheet Detail'),
    and(where('project', '=', project), where('parenttype', '=', 'Timesheet')),
    {
      fields: ['parent', 'task', 'hours', 'costing_amount', 'billing_amount'],
    },
  )
  const sheets = await rowsNamed(
    ctx,
    'Timesheet',
    lines.map(({ parent }) => String(parent)),
    ['name', 'docstatus', 'exchange_rate'],
  )
  const rates = new Map(
    sheets.filter(({ docstatus }) => Number(docstatus) === 1).map((sheet) => [sheet.name, Number(sheet.exchange_rate) || 1]),
  )
  return lines.flatMap((line) => {
    const rate = rates.get(String(line.parent))
    if (rate === undefined) return []
    const own = (amount: unknown) => Decimal.from((amount as Decimal | null) ?? 0).times(rate)
    return [
      { task: String(line.task ?? ''), hours: Number(line.hours), cost: own(line.costing_amount), billable: own(line.billing_amount) },
    ]
  })
}

async function billedFor(ctx: Context, project: string): Promise<Decimal> {
  if (!(await has(ctx, 'Sales Invoice', 'project', 'base_net_total'))) return Decimal.zero
  const invoices = await rowsOf(ctx, 'Sales Invoice', and(where('project', '=', project), where('docstatus', '=', 1)), {
    fields: ['base_net_total'],
  })
  return invoices.reduce((sum, invoice) => sum.plus((invoice.base_net_total as Decimal | null) ?? 0), Decimal.zero).round(2, 'half-up')
}

/** A document of billing was made final or taken back: the projects that it names are reckoned again. */
const figuresChanged: DocumentListener = async (ctx, document, extra) => {
  const before = extra?.before as AnyDocument | undefined
  const projects = new Set<string>()
  for (const one of [document, before])
    for (const row of [one, ...((one?.time_logs as AnyDocument[] | undefined) ?? [])])
      if (typeof row?.project === 'string' && row.project !== '') projects.add(row.project)
  for (const project of [...projects].sort()) await recalculate(ctx, project)
}

/** For the events of DocTypes that another app may bring. */
export const figureEvents = { on_submit: figuresChanged, on_cancel: figuresChanged, on_update_after_submit: figuresChanged } as const
