import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { pino } from 'pino'
import { chargeTypes, invoiceTotals, type TotalsTax } from '#client/rules/invoice-totals.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { createSite } from '#kernel/sites/create-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import type { Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

const organization = 'Bench Ltd'
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

/** CPU time of the whole process, so that a busy machine does not count. @returns the median, in milliseconds */
async function timed(rounds: number, work: (round: number) => Promise<unknown> | unknown): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    await breathe()
    const start = process.cpuUsage()
    await work(round)
    const { user, system } = process.cpuUsage(start)
    times.push((user + system) / 1000)
  }
  return median(times)
}

/**
 * An invoice of so many lines with five charges: reckoned by the rules, as a form does at each edit; saved after one line has changed, with items,
 * rates, history and audit; and submitted with its posting. Medians of CPU time, on one SQLite site.
 */
export async function invoiceSpeed(lines: number, rounds: number): Promise<Finding[]> {
  const taxes = chargeTypes.map(
    (charge_type, index): TotalsTax => ({ charge_type, rate: 3, tax_amount: 5, row_id: index, account_head: `${index}` }),
  )
  const reckoned = await timed(rounds, (round) =>
    invoiceTotals(
      Array.from({ length: lines }, (_, index) => ({ qty: index + 1, rate: `${index + round}.37` })),
      taxes,
      { discount: { on: 'Grand Total', percentage: 3 } },
    ),
  )
  const sitesFolder = await temporarySites()
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  try {
    const { site } = await createSite(runtime, {
      host: `bench-billing-${process.pid}.localhost`,
      adminPassword: 'fake-Administrator-pass-1',
      installApps: ['billing'],
    })
    const name = await site.asSystem('bench', (ctx) => makeInvoice(ctx, lines))
    const edited = await timed(rounds, (round) =>
      site.asSystem('bench', async (ctx) => {
        const invoice = await openForWrite(ctx, 'Sales Invoice', name)
        const items = invoice.items as { qty: number }[]
        ;(items[round % lines] as { qty: number }).qty = round + 2
        await save(ctx, invoice)
      }),
    )
    const submitted = await timed(1, () =>
      site.asSystem('bench', async (ctx) => submit(ctx, await openForWrite(ctx, 'Sales Invoice', name))),
    )
    const about = { engine: 'sqlite', unit: 'ms CPU', compares: 'at most' } as const
    return [
      { ...about, what: `invoice of ${lines} lines and 5 charges: totals`, ours: reckoned, limit: 100 },
      { ...about, what: `invoice of ${lines} lines: one line changed and saved`, ours: edited, limit: 100 },
      { ...about, what: `invoice of ${lines} lines: submitted and booked`, ours: submitted },
    ]
  } finally {
    await runtime.close()
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}

async function makeInvoice(ctx: Context, lines: number): Promise<string> {
  await insert(ctx, 'Currency', { currency_name: 'EUR', enabled: 1 }).catch(() => undefined)
  await insert(ctx, 'Organization', { organization_name: organization, abbr: 'B', default_currency: 'EUR' })
  await insert(ctx, 'Company', { company_name: organization, organization, abbr: 'B', default_currency: 'EUR' })
  const customer = await insert(ctx, 'Customer', { customer_name: 'Ada Ltd', organization })
  const accounts = await findRows(ctx, await ctx.site.meta.get('Account'), where('organization', '=', organization))
  const tax = accounts.find((account) => account.account_number === '2100')?.name
  const units = await findRows(ctx, await ctx.site.meta.get('UOM'), where('organization', '=', organization))
  const item = await insert(ctx, 'Item', { item_code: 'A', item_name: 'A', organization, stock_uom: units[0]?.name, standard_rate: 9 })
  const invoice = await insert(ctx, 'Sales Invoice', {
    organization,
    customer: customer.name,
    items: Array.from({ length: lines }, (_, index) => ({ item_code: item.name, qty: index + 1, rate: `${index + 1}.37` })),
    taxes: chargeTypes.map((charge_type, index) => ({
      charge_type,
      account_head: tax,
      rate: 3,
      ...(charge_type === 'Actual' && { tax_amount: 5 }),
      ...(charge_type.startsWith('On Previous') && { row_id: String(index) }),
    })),
  })
  return String(invoice.name)
}
