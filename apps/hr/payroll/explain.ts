import type { UnpaidDay } from '#client/rules/payroll-days.ts'
import { type LineTrace, reckon } from '#client/rules/payroll-trace.ts'
import type SalarySlip from './doctypes/salary_slip/salary-slip.ts'
import type { SlipDetail } from './doctypes/salary_slip/salary-slip.ts'

/** A line, what it was reckoned from, and what reckoning it again gives. */
export interface ExplainedLine {
  readonly component: string
  readonly abbr: string | null
  readonly source: string
  readonly amount: SlipDetail['amount']
  readonly again: SlipDetail['amount']
  readonly agrees: boolean
  readonly words: string
  readonly trace: LineTrace
}

/** Every line of a slip from its own trace alone: nothing else is read, so what it says holds for ever. */
export function explainSlip(slip: SalarySlip) {
  const lines = (rows: readonly SlipDetail[]): ExplainedLine[] => rows.map(explainLine)
  const days = JSON.parse(slip.days_trace ?? '{"unpaid":[]}') as { unpaid: readonly UnpaidDay[] }
  return {
    slip: slip.name,
    earnings: lines(slip.earnings),
    deductions: lines(slip.deductions),
    days: { working: slip.total_working_days, paid: slip.payment_days, unpaid: days.unpaid },
  }
}

function explainLine(row: SlipDetail): ExplainedLine {
  const trace = JSON.parse(String(row.trace)) as LineTrace
  const again = reckon(trace).amount
  return {
    component: row.salary_component,
    abbr: row.abbr,
    source: row.source,
    amount: row.amount,
    again,
    agrees: again.equals(row.amount),
    words: inWords(trace),
    trace,
  }
}

function inWords(trace: LineTrace): string {
  switch (trace.kind) {
    case 'structure': {
      const names = Object.entries(trace.names)
        .map(([name, value]) => `${name} = ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
        .join(', ')
      const rule = trace.formula ?? trace.fixed ?? '0'
      const when = trace.condition ? ` if ${trace.condition}` : ''
      const days = trace.days ? `, for ${trace.days[0]} of ${trace.days[1]} days` : ''
      return `${rule}${when}${names ? ` with ${names}` : ''}${days}`
    }
    case 'given':
      return `as ${trace.of} says`
    case 'hours':
      return `${trace.parts.map(({ hours, multiplier }) => `${hours} h × ${multiplier}`).join(' + ')}, at ${trace.rate} an hour`
    case 'arrears':
      return `due (${trace.due.map(inWords).join('; ') || 'nothing'}) less what was paid (${trace.paid.join(' + ') || 'nothing'})`
    case 'tax': {
      const { earnedBefore, regularNow, onceNow, regularLater, otherIncome, exemptions, withheldBefore, periodsLeft } = trace.input
      return (
        `tax on ${earnedBefore} before, ${regularNow} and ${onceNow} now, ${regularLater} in each later period, ${otherIncome} from elsewhere, ` +
        `less ${exemptions}; ${withheldBefore} was withheld, ${periodsLeft} periods are left`
      )
    }
  }
}
