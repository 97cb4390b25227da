import { Type } from 'typebox'
import { sumDecimals } from '#client/rules/decimal.ts'
import { reckon } from '#client/rules/payroll-trace.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { defineMethod, permission } from '#kernel/methods/method.ts'
import { todayOf } from '../shared/organization.ts'
import { arrearsFor, payDataOf } from './reckon.ts'

/** What the next slip of somebody will make up for, slip by slip. Nothing is changed. */
export const payDifferences = defineMethod({
  path: 'orchestrator.hr.pay_differences',
  summary: 'Earlier slips of an employee that would be different today: by component what is due, what was paid, and the arrears.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    employee: Type.String({ minLength: 1, maxLength: 140 }),
    /** Slips that end before this day; default: today. */
    before: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })),
  }),
  rule: permission('create', 'Salary Slip'),
  async handler(ctx, { employee, before }) {
    const { organization } = await getDocument(ctx, 'Employee', employee)
    const day = before ?? (await todayOf(ctx, String(organization)))
    const data = await payDataOf(ctx, [employee], { organization: String(organization), start: day, end: day }, false)
    const slips = []
    for (const slip of data.past.get(employee)?.touched ?? []) {
      const orders = await arrearsFor(ctx, data, employee, slip)
      const lines = orders.map(({ facts, due, paid }) => {
        const [now, then] = [sumDecimals(due.map((trace) => reckon(trace).amount)), sumDecimals(paid)]
        return { component: facts.component, abbr: facts.abbr, type: facts.kind, due: now, paid: then, arrears: now.minus(then) }
      })
      if (lines.length > 0) slips.push({ slip: slip.name, start_date: slip.start, end_date: slip.end, lines })
    }
    return { employee, slips }
  },
})
