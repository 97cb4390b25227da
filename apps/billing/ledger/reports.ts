import { ageingBuckets, bucketOf } from '#client/rules/payment-schedule-ageing.ts'
import { Decimal, sumDecimals } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { list } from '#kernel/query/list.ts'
import { defineReport, type ReportFilterDefinition } from '#kernel/reports/report.ts'
import { companyOf, todayOf } from '../books/company-facts.ts'
import { BadBillingValue } from '../errors.ts'

type Row = Record<string, unknown>
type Filter = readonly [field: string, operator: string, value: unknown]

const organization: ReportFilterDefinition = {
  fieldname: 'organization',
  label: 'Organization',
  fieldtype: 'Link',
  options: 'Organization',
  mandatory: true,
}
const from: ReportFilterDefinition = { fieldname: 'from_date', label: 'From', fieldtype: 'Date' }
const to: ReportFilterDefinition = { fieldname: 'to_date', label: 'To', fieldtype: 'Date' }
const customer: ReportFilterDefinition = { fieldname: 'customer', label: 'Customer', fieldtype: 'Link', options: 'Customer' }
const account: ReportFilterDefinition = { fieldname: 'account', label: 'Account', fieldtype: 'Link', options: 'Account' }
const day: ReportFilterDefinition = { fieldname: 'report_date', label: 'Day', fieldtype: 'Date' }

/** All rows that the reader may see, as far as reports go. */
async function read(
  ctx: Context,
  doctype: string,
  fields: readonly string[],
  filters: readonly Filter[],
  more: object = {},
): Promise<Row[]> {
  return (await list(ctx, doctype, { fields, filters, limit: 0, wire: documentForm, ...more })).rows
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const decimal = (value: unknown): Decimal => Decimal.from((value ?? 0) as Decimal)

function period(filters: Row): { first: string; last: string; conditions: Filter[] } {
  const [first, last] = [text(filters.from_date), text(filters.to_date)]
  if (first !== '' && last !== '' && last < first) throw new BadBillingValue({ field: 'to_date', reason: 'a period ends after it begins.' })
  return {
    first,
    last,
    conditions: [['organization', '=', filters.organization], ...(last === '' ? [] : [['posting_date', '<=', last] as const])],
  }
}

/** Opening balance, movement and closing balance of each account. Both sides of each pair are equal: nothing gets into the ledger otherwise. */
const trialBalance = defineReport({
  name: 'Trial Balance',
  refDoctype: 'GL Entry',
  filters: [organization, from, to],
  columns: [
    { fieldname: 'account', label: 'Account', fieldtype: 'Link', options: 'Account', width: 220 },
    { fieldname: 'account_name', label: 'Name', fieldtype: 'Data', width: 200 },
    { fieldname: 'root_type', label: 'Kind', fieldtype: 'Data', width: 90 },
    ...['opening_debit', 'opening_credit', 'debit', 'credit', 'closing_debit', 'closing_credit'].map((fieldname) => ({
      fieldname,
      label: words(fieldname),
      fieldtype: 'Currency',
      width: 130,
    })),
  ],
  addTotalRow: true,
  async run(ctx, filters) {
    const { first, conditions } = period(filters)
    const sums = ['account', 'sum(debit) as debit', 'sum(credit) as credit']
    const earlier =
      first === '' ? [] : await read(ctx, 'GL Entry', sums, [...conditions, ['posting_date', '<', first]], { groupBy: 'account' })
    const within = await read(ctx, 'GL Entry', sums, first === '' ? conditions : [...conditions, ['posting_date', '>=', first]], {
      groupBy: 'account',
    })
    const accounts = await read(
      ctx,
      'Account',
      ['name', 'account_name', 'account_number', 'root_type'],
      [['organization', '=', filters.organization]],
      { orderBy: 'account_number asc' },
    )
    const opening = new Map(earlier.map((row) => [row.account, decimal(row.debit).minus(decimal(row.credit))]))
    const moved = new Map(within.map((row) => [row.account, row]))
    const rows = accounts.flatMap((one) => {
      const start = opening.get(one.name) ?? Decimal.zero
      const movement = moved.get(one.name)
      if (!movement && start.isZero()) return []
      const [debit, credit] = [decimal(movement?.debit), decimal(movement?.credit)]
      const end = start.plus(debit).minus(credit)
      return [
        {
          account: one.name,
          account_name: one.account_name,
          root_type: one.root_type,
          ...side('opening', start),
          debit,
          credit,
          ...side('closing', end),
        },
      ]
    })
    return { rows }
  },
})

function words(fieldname: string): string {
  const text = fieldname.replace('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function side(what: string, balance: Decimal): Row {
  const isCredit = balance.isNegative()
  return { [`${what}_debit`]: isCredit ? Decimal.zero : balance, [`${what}_credit`]: isCredit ? balance.abs() : Decimal.zero }
}

/** Every entry of a period with the balance after it. */
const generalLedger = defineReport({
  name: 'General Ledger',
  refDoctype: 'GL Entry',
  filters: [organization, from, to, account, customer, { fieldname: 'voucher_no', label: 'Document', fieldtype: 'Data' }],
  columns: [
    { fieldname: 'posting_date', label: 'Day', fieldtype: 'Date', width: 100 },
    { fieldname: 'account', label: 'Account', fieldtype: 'Link', options: 'Account', width: 180 },
    { fieldname: 'debit', label: 'Debit', fieldtype: 'Currency', width: 120 },
    { fieldname: 'credit', label: 'Credit', fieldtype: 'Currency', width: 120 },
    { fieldname: 'balance', label: 'Balance', fieldtype: 'Currency', width: 120 },
    { fieldname: 'voucher_type', label: 'Kind', fieldtype: 'Data', width: 120 },
    { fieldname: 'voucher_no', label: 'Document', fieldtype: 'Dynamic Link', options: 'voucher_type', width: 160 },
    { fieldname: 'party', label: 'Customer', fieldtype: 'Link', options: 'Customer', width: 150 },
    { fieldname: 'cost_center', label: 'Cost centre', fieldtype: 'Link', options: 'Cost Center', width: 120 },
    { fieldname: 'remarks', label: 'Remarks', fieldtype: 'Data', width: 200 },
  ],
  async run(ctx, filters) {
    const { first, conditions } = period(filters)
    const wished: Filter[] = [
      ...conditions,
      ...(filters.account ? [['account', '=', filters.account] as const] : []),
      ...(filters.customer ? [['party', '=', filters.customer] as const] : []),
      ...(filters.voucher_no ? [['voucher_no', '=', filters.voucher_no] as const] : []),
    ]
    const names = ['posting_date', 'account', 'debit', 'credit', 'voucher_type', 'voucher_no', 'party', 'cost_center', 'remarks']
    const all = await read(ctx, 'GL Entry', names, wished, { orderBy: 'posting_date asc, creation asc' })
    const before = all.filter((row) => first !== '' && text(row.posting_date) < first)
    let balance = sumDecimals(before.map((row) => decimal(row.debit).minus(decimal(row.credit))))
    const opening = before.length > 0 ? [{ account: null, posting_date: first, remarks: 'Opening balance', balance }] : []
    const rows = all.slice(before.length).map((row) => {
      balance = balance.plus(decimal(row.debit)).minus(decimal(row.credit))
      return { ...row, balance }
    })
    return { rows: [...opening, ...rows] }
  },
})

interface OpenRow {
  readonly voucher: string
  readonly doctype: string
  readonly party: string
  readonly currency: string
  readonly dueDate: string
  readonly postingDate: string
  readonly outstanding: Decimal
  readonly base: Decimal
}

/** What was open at the end of a day, by document, from the ledger; so yesterday's answer stays what it was. */
async function openOn(ctx: Context, filters: Row, date: string): Promise<OpenRow[]> {
  const entries = await read(
    ctx,
    'Payment Ledger Entry',
    ['against_voucher_type', 'against_voucher_no', 'party', 'currency', 'due_date', 'posting_date', 'amount', 'amount_in_account_currency'],
    [
      ['organization', '=', filters.organization],
      ['posting_date', '<=', date],
      ...(filters.customer ? [['party', '=', filters.customer] as const] : []),
    ],
    { orderBy: 'posting_date asc, creation asc' },
  )
  const documents = Map.groupBy(entries, (entry) => text(entry.against_voucher_no))
  return [...documents]
    .map(([voucher, rows]) => ({
      voucher,
      doctype: text(rows[0]?.against_voucher_type),
      party: text(rows[0]?.party),
      currency: text(rows[0]?.currency),
      postingDate: text(rows[0]?.posting_date),
      dueDate: text(rows[0]?.due_date) || text(rows[0]?.posting_date),
      outstanding: sumDecimals(rows.map((row) => decimal(row.amount_in_account_currency))),
      base: sumDecimals(rows.map((row) => decimal(row.amount))),
    }))
    .filter((row) => !row.outstanding.isZero() || !row.base.isZero())
}

/** What customers owe, and for how long. */
const receivable = defineReport({
  name: 'Accounts Receivable',
  refDoctype: 'Payment Ledger Entry',
  filters: [
    organization,
    day,
    customer,
    { fieldname: 'ageing_based_on', label: 'Age since', fieldtype: 'Select', options: 'Due Date\nPosting Date', default: 'Due Date' },
  ],
  columns: [
    { fieldname: 'party', label: 'Customer', fieldtype: 'Link', options: 'Customer', width: 160 },
    { fieldname: 'voucher_type', label: 'Kind', fieldtype: 'Data', width: 110 },
    { fieldname: 'voucher_no', label: 'Document', fieldtype: 'Dynamic Link', options: 'voucher_type', width: 160 },
    { fieldname: 'posting_date', label: 'Day', fieldtype: 'Date', width: 100 },
    { fieldname: 'due_date', label: 'Due', fieldtype: 'Date', width: 100 },
    { fieldname: 'currency', label: 'Currency', fieldtype: 'Link', options: 'Currency', width: 80 },
    { fieldname: 'outstanding_in_currency', label: 'Open in that currency', fieldtype: 'Currency', options: 'currency', width: 130 },
    { fieldname: 'outstanding', label: 'Open', fieldtype: 'Currency', width: 120 },
    { fieldname: 'age', label: 'Days', fieldtype: 'Int', width: 70 },
    ...ageingBuckets.map((bucket) => ({ fieldname: bucket.fieldname, label: bucket.label, fieldtype: 'Currency', width: 110 })),
  ],
  addTotalRow: true,
  async run(ctx, filters) {
    const date = text(filters.report_date) || todayOf(ctx, await companyOf(ctx, text(filters.organization)))
    const open = await openOn(ctx, filters, date)
    const rows = open.map((row) => {
      const { age, bucket } = bucketOf(filters.ageing_based_on === 'Posting Date' ? row.postingDate : row.dueDate, date)
      return {
        party: row.party,
        voucher_type: row.doctype,
        voucher_no: row.voucher,
        posting_date: row.postingDate,
        due_date: row.dueDate,
        currency: row.currency,
        outstanding_in_currency: row.outstanding,
        outstanding: row.base,
        age,
        ...Object.fromEntries(ageingBuckets.map((one) => [one.fieldname, one.fieldname === bucket ? row.base : Decimal.zero])),
      }
    })
    return { rows: rows.sort((a, b) => (a.party < b.party ? -1 : a.party > b.party ? 1 : a.due_date < b.due_date ? -1 : 1)) }
  },
})

/** What one customer was charged and paid, with the balance after each, as it is sent to the customer. */
const statement = defineReport({
  name: 'Customer Statement',
  refDoctype: 'Payment Ledger Entry',
  filters: [organization, { ...customer, mandatory: true }, from, to],
  columns: [
    { fieldname: 'posting_date', label: 'Day', fieldtype: 'Date', width: 100 },
    { fieldname: 'voucher_type', label: 'Kind', fieldtype: 'Data', width: 120 },
    { fieldname: 'voucher_no', label: 'Document', fieldtype: 'Dynamic Link', options: 'voucher_type', width: 160 },
    { fieldname: 'due_date', label: 'Due', fieldtype: 'Date', width: 100 },
    { fieldname: 'charged', label: 'Charged', fieldtype: 'Currency', width: 120 },
    { fieldname: 'paid', label: 'Paid', fieldtype: 'Currency', width: 120 },
    { fieldname: 'balance', label: 'Balance', fieldtype: 'Currency', width: 120 },
  ],
  async run(ctx, filters) {
    const { first, last, conditions } = period(filters)
    const entries = await read(
      ctx,
      'Payment Ledger Entry',
      ['posting_date', 'due_date', 'voucher_type', 'voucher_no', 'amount'],
      [...conditions, ['party', '=', filters.customer]],
      { orderBy: 'posting_date asc, creation asc' },
    )
    const vouchers = [...Map.groupBy(entries, (entry) => text(entry.voucher_no)).values()]
    // What settles and is settled at once, and what was taken back, is nothing to the customer.
    const moves = vouchers
      .map((rows) => ({ ...(rows[0] as Row), amount: sumDecimals(rows.map((row) => decimal(row.amount))) }) as Row & { amount: Decimal })
      .filter((row) => !row.amount.isZero())
    const before = moves.filter((row) => first !== '' && text(row.posting_date) < first)
    let balance = sumDecimals(before.map((row) => row.amount))
    const opening = before.length > 0 ? [{ posting_date: first, voucher_type: 'Opening balance', balance }] : []
    const rows = moves
      .filter((row) => !before.includes(row))
      .map(({ amount, ...row }) => {
        balance = balance.plus(amount)
        const isCharge = !amount.isNegative()
        return { ...row, charged: isCharge ? amount : Decimal.zero, paid: isCharge ? Decimal.zero : amount.negate(), balance }
      })
    const until = last || todayOf(ctx, await companyOf(ctx, text(filters.organization)))
    return { rows: [...opening, ...rows], summary: [{ label: `Balance on ${until}`, value: balance, datatype: 'Currency' }] }
  },
})

/** Reports on the books. */
export const ledgerReports = [trialBalance, generalLedger, receivable, statement]
