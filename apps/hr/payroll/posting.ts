import { sumDecimals } from '#client/rules/decimal.ts'
import { type PostingLine, postingOf } from '#client/rules/payroll-posting.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { insert } from '#kernel/documents/save.ts'
import type { Decimal } from '#client/rules/decimal.ts'
import { rowsOf } from '../shared/rows.ts'
import type SalarySlip from './doctypes/salary_slip/salary-slip.ts'
import type { SlipDetail } from './doctypes/salary_slip/salary-slip.ts'
import { payrollRules, placesOf } from './settings.ts'
import { componentsNamed } from './structure.ts'

const why = 'a slip is made ready for the books'

/** Writes down what a slip means for the books. An app that keeps them listens to `after_insert` of Payroll Posting. */
export async function postSlip(ctx: Context, slip: SalarySlip): Promise<void> {
  const rules = await payrollRules(ctx, slip.organization)
  const details = [...slip.earnings, ...slip.deductions].filter(({ do_not_include_in_total }) => !do_not_include_in_total)
  const components = await componentsNamed(
    ctx,
    details.map(({ salary_component }) => salary_component),
  )
  const posted = (rows: readonly SlipDetail[], otherwise: string) =>
    rows
      .filter((row) => details.includes(row))
      .map((row) => ({
        account: components.get(row.salary_component)?.account ?? otherwise,
        component: row.salary_component,
        amount: row.amount,
      }))
  const lines = postingOf({
    employee: slip.employee,
    payableAccount: slip.payroll_payable_account || rules.payableAccount,
    roundOffAccount: rules.roundOffAccount,
    earnings: posted(slip.earnings, rules.expenseAccount),
    deductions: posted(slip.deductions, rules.deductionsAccount),
    payable: slip.rounded_total,
    costCenters: slip.payroll_cost_centers.map(({ cost_center, percentage }) => ({ costCenter: cost_center, percentage })),
    exchangeRate: slip.exchange_rate,
    places: await placesOf(ctx, rules.currency),
  })
  await insert(ctx.asSystem(why), 'Payroll Posting', {
    ...aboutSlip(slip),
    currency: rules.currency,
    lines: lines.map(rowOf),
    total_debit: sumDecimals(lines.map(({ debit }) => debit)),
    total_credit: sumDecimals(lines.map(({ credit }) => credit)),
  })
}

const aboutSlip = (slip: SalarySlip) => ({
  salary_slip: slip.name,
  payroll_entry: slip.payroll_entry,
  employee: slip.employee,
  organization: slip.organization,
  posting_date: slip.posting_date,
})

function rowOf({ account, debit, credit, costCenter, party, component }: PostingLine): Record<string, unknown> {
  return {
    account,
    debit,
    credit,
    cost_center: costCenter ?? null,
    party_type: party ? 'Employee' : null,
    party: party ?? null,
    salary_component: component ?? null,
  }
}

/** Takes a posting back with its opposite; the first stays as it was. */
export async function takeBackPosting(ctx: Context, slip: SalarySlip): Promise<void> {
  const [first] = await rowsOf(ctx, 'Payroll Posting', and(where('salary_slip', '=', slip.name), where('is_reversal', '=', 0)), {
    limit: 1,
  })
  if (!first) return
  const lines = await rowsOf(ctx, 'Payroll Posting Line', where('parent', '=', first.name), { orderBy: [['idx', 'asc']] })
  await insert(ctx.asSystem(why), 'Payroll Posting', {
    ...aboutSlip(slip),
    currency: first.currency,
    is_reversal: 1,
    reversal_of: first.name,
    lines: lines.map((line) => ({
      account: line.account,
      debit: line.credit as Decimal,
      credit: line.debit as Decimal,
      cost_center: line.cost_center,
      party_type: line.party_type,
      party: line.party,
      salary_component: line.salary_component,
    })),
    total_debit: first.total_credit as Decimal,
    total_credit: first.total_debit as Decimal,
  })
}
