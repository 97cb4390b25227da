import { firstDayOfYear, lastDayOfYear } from '#client/rules/dates.ts'
import type { Context } from '#kernel/context/context.ts'
import { insert } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { companyOf, forgetCompany, todayOf } from './company-facts.ts'

interface Seed {
  readonly name: string
  readonly number: string
  readonly type?: string
  /** The field of the company that names it. */
  readonly purpose?: string
}

const chart: readonly { readonly root: string; readonly name: string; readonly number: string; readonly accounts: readonly Seed[] }[] = [
  {
    root: 'Asset',
    name: 'Assets',
    number: '1000',
    accounts: [
      { name: 'Cash', number: '1100', type: 'Cash', purpose: 'default_cash_account' },
      { name: 'Bank', number: '1200', type: 'Bank', purpose: 'default_bank_account' },
      { name: 'Receivables', number: '1300', type: 'Receivable', purpose: 'default_receivable_account' },
    ],
  },
  { root: 'Liability', name: 'Liabilities', number: '2000', accounts: [{ name: 'Taxes payable', number: '2100', type: 'Tax' }] },
  { root: 'Equity', name: 'Equity', number: '3000', accounts: [{ name: 'Opening balances', number: '3100', type: 'Equity' }] },
  {
    root: 'Income',
    name: 'Income',
    number: '4000',
    accounts: [
      { name: 'Sales', number: '4100', type: 'Income Account', purpose: 'default_income_account' },
      { name: 'Services', number: '4200', type: 'Income Account' },
    ],
  },
  {
    root: 'Expense',
    name: 'Expenses',
    number: '5000',
    accounts: [
      { name: 'Rounding', number: '5100', type: 'Round Off', purpose: 'round_off_account' },
      { name: 'Exchange gain and loss', number: '5200', type: 'Exchange Gain/Loss', purpose: 'exchange_gain_loss_account' },
      { name: 'Written off', number: '5300', type: 'Write Off', purpose: 'write_off_account' },
      { name: 'Bank charges', number: '5400', type: 'Expense Account' },
    ],
  },
]

const modes = [
  { mode_of_payment: 'Cash', type: 'Cash', purpose: 'default_cash_account' },
  { mode_of_payment: 'Bank transfer', type: 'Bank', purpose: 'default_bank_account' },
  { mode_of_payment: 'Card', type: 'Card', purpose: 'default_bank_account' },
] as const
const units = [
  { uom_name: 'Unit', must_be_whole_number: 1 },
  { uom_name: 'Hour', must_be_whole_number: 0 },
]

/** What a company needs before it can send its first invoice: a small chart of accounts, a cost centre, this year, modes of payment, units. */
export async function foundBooks(ctx: Context, organization: string): Promise<void> {
  const system = ctx.asSystem('sets up the books of a new company')
  const facts = await companyOf(ctx, organization)
  const own = { organization, company: facts.name }
  const named: Record<string, unknown> = {}
  for (const group of chart) {
    const parent = await insert(system, 'Account', {
      ...own,
      account_name: group.name,
      account_number: group.number,
      root_type: group.root,
      is_group: 1,
    })
    for (const seed of group.accounts) {
      const account = await insert(system, 'Account', {
        ...own,
        account_name: seed.name,
        account_number: seed.number,
        root_type: group.root,
        account_type: seed.type ?? '',
        parent_account: parent.name,
      })
      if (seed.purpose && !facts.values[seed.purpose]) named[seed.purpose] = account.name
    }
  }
  const center = await insert(system, 'Cost Center', { ...own, cost_center_name: 'Main' })
  if (!facts.values.cost_center) named.cost_center = center.name
  const today = todayOf(ctx, facts)
  const year = { year: today.slice(0, 4), year_start_date: firstDayOfYear(today), year_end_date: lastDayOfYear(today) }
  await insert(system, 'Fiscal Year', { ...own, ...year })
  for (const { purpose, ...mode } of modes)
    await insert(system, 'Mode of Payment', { ...own, ...mode, default_account: named[purpose] ?? facts.values[purpose] })
  for (const unit of units) await insert(system, 'UOM', { organization, ...unit })
  await writeThrough(system, 'Company', facts.name, named)
  forgetCompany(ctx, organization)
}
