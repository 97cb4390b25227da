import { AppError } from '#client/rules/errors.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { load } from '#kernel/documents/load.ts'
import { insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { rowsOf } from '../shared/rows.ts'
import type PayrollEntry from './doctypes/payroll_entry/payroll-entry.ts'
import { withPayData } from './fill-slip.ts'

/** Slips that one step makes and commits: few enough to let others write in between, enough to read their records at once. */
const chunk = 50

/** What became of one person's slip. */
interface Outcome {
  readonly employee: string
  readonly slip?: string
  readonly problem?: string
}

async function entryOf(ctx: Context, input: Record<string, unknown>): Promise<PayrollEntry> {
  const meta = await ctx.site.meta.get('Payroll Entry')
  return (await load(ctx, meta, String(input.payroll_entry))) as unknown as PayrollEntry
}

/** Makes the slips of an entry, some at a time; one person's problem is noted and keeps nobody else from being paid. */
export const makeSalarySlips: JobDefinition = {
  queue: 'long',
  run: async (ctx, input, job) => {
    const entry = await entryOf(ctx, input)
    // All of them, whoever has a slip: the steps of a second try have to be those of the first.
    const people = entry.employees.map(({ employee }) => employee)
    const outcomes = await inSteps(job, 'make', people, (own, names) => makeSome(own, entry, names))
    await noteMade(ctx, entry.name, outcomes)
    return summaryOf(outcomes)
  },
}

/** Submits the slips of an entry, likewise. Whoever asked for it needs the right to submit them. */
export const submitSalarySlips: JobDefinition = {
  queue: 'long',
  run: async (ctx, input, job) => {
    const entry = await entryOf(ctx, input)
    const slips = await rowsOf(ctx, 'Salary Slip', and(where('payroll_entry', '=', entry.name), where('docstatus', '<', 2)), {
      fields: ['name', 'employee'],
    })
    const employees = slips.map(({ employee }) => String(employee))
    const bySlip = new Map(slips.map(({ employee, name }) => [String(employee), name]))
    const outcomes = await inSteps(job, 'submit', employees, (own, names) => submitSome(own, entry, names, bySlip))
    await noteSubmitted(ctx, entry.name, outcomes)
    return summaryOf(outcomes)
  },
}

async function inSteps(
  job: JobRun,
  what: string,
  people: readonly string[],
  work: (ctx: Context, names: readonly string[]) => Promise<Outcome[]>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let start = 0; start < people.length; start += chunk) {
    const names = people.slice(start, start + chunk)
    outcomes.push(...(await job.step(`${what}:${names[0]}`, (own) => work(own, names))))
    await job.progress((100 * Math.min(people.length, start + chunk)) / people.length)
  }
  return outcomes
}

/** Makes slips of some employees in one unit of work. */
async function makeSome(ctx: Context, entry: PayrollEntry, employees: readonly string[]): Promise<Outcome[]> {
  const span = { organization: entry.organization, start: entry.start_date, end: entry.end_date }
  // A run that ended before it could note its result has left slips behind: they are taken up, not made again.
  const there = await rowsOf(
    ctx,
    'Salary Slip',
    and(where('payroll_entry', '=', entry.name), where('employee', 'in', employees), where('docstatus', '<', 2)),
    { fields: ['name', 'employee'] },
  )
  return withPayData(ctx, employees, span, () =>
    eachOf(ctx, employees, async (employee) => {
      const known = there.find((row) => row.employee === employee)
      if (known) return known.name
      const slip = await insert(ctx, 'Salary Slip', {
        employee,
        organization: entry.organization,
        start_date: entry.start_date,
        end_date: entry.end_date,
        posting_date: entry.posting_date,
        exchange_rate: entry.exchange_rate,
        payroll_entry: entry.name,
      })
      return slip.name
    }),
  )
}

/** Submits slips of some employees in one unit of work; each is reckoned once more, by what holds now. */
async function submitSome(
  ctx: Context,
  entry: PayrollEntry,
  employees: readonly string[],
  slips: ReadonlyMap<string, string>,
): Promise<Outcome[]> {
  const span = { organization: entry.organization, start: entry.start_date, end: entry.end_date }
  return withPayData(ctx, employees, span, () =>
    eachOf(ctx, employees, async (employee) => {
      const slip = await openForWrite(ctx, 'Salary Slip', String(slips.get(employee)), 'submit')
      if (slip.docstatus === 0) await submit(ctx, slip)
      return slip.name
    }),
  )
}

async function eachOf(ctx: Context, employees: readonly string[], work: (employee: string) => Promise<string>): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const employee of employees) {
    try {
      outcomes.push({ employee, slip: await ctx.db.savepoint(() => work(employee)) })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      outcomes.push({ employee, problem: `${error.field ? `${error.field}: ` : ''}${error.message}`.slice(0, 140) })
    }
  }
  return outcomes
}

const why = 'a payroll entry keeps the result of its run'

async function noteMade(ctx: Context, name: string, outcomes: readonly Outcome[]): Promise<void> {
  const elevated = ctx.asSystem(why)
  const entry = await load(elevated, await ctx.site.meta.get('Payroll Entry'), name, true)
  const rows = (entry as unknown as PayrollEntry).employees
  for (const outcome of outcomes) {
    const row = rows.find(({ employee }) => employee === outcome.employee)
    if (row) Object.assign(row, { salary_slip: outcome.slip ?? null, problem: outcome.problem ?? null })
  }
  const missing = rows.filter(({ salary_slip }) => !salary_slip).length
  await save(elevated, entry, {
    status: missing > 0 ? 'Failed' : 'Created',
    salary_slips_created: rows.length - missing,
    error_message: missing > 0 ? `${missing} of ${rows.length} have no slip; the rows tell why.` : null,
  })
}

async function noteSubmitted(ctx: Context, name: string, outcomes: readonly Outcome[]): Promise<void> {
  const elevated = ctx.asSystem(why)
  const entry = await load(elevated, await ctx.site.meta.get('Payroll Entry'), name, true)
  const rows = (entry as unknown as PayrollEntry).employees
  for (const outcome of outcomes) {
    const row = rows.find(({ employee }) => employee === outcome.employee)
    if (row) row.problem = outcome.problem ?? null
  }
  const failed = outcomes.filter(({ problem }) => problem).length
  await save(elevated, entry, {
    status: failed > 0 ? 'Failed' : 'Submitted',
    salary_slips_submitted: outcomes.length - failed,
    error_message: failed > 0 ? `${failed} of ${outcomes.length} slips could not be submitted; the rows tell why.` : null,
  })
}

function summaryOf(outcomes: readonly Outcome[]): { done: number; problems: number } {
  const problems = outcomes.filter(({ problem }) => problem).length
  return { done: outcomes.length - problems, problems }
}
