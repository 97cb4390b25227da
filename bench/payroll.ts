import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pino } from 'pino'
import type { Context } from '#kernel/context/context.ts'
import { exists, load } from '#kernel/documents/load.ts'
import { insert, submit } from '#kernel/documents/save.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { createSite } from '#kernel/sites/create-site.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import type { Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

const organization = 'Bench'
const months = [
  ['2026-09-01', '2026-09-30'],
  ['2026-10-01', '2026-10-31'],
] as const

/**
 * Pays a group of people as a worker does it: the records of fifty at a time are read, each slip of ten components with income tax is
 * reckoned, traced, stored and audited, and committed to the disk. The second month has a month before it to look back at.
 */
export async function payrollSpeed(people: number): Promise<Finding[]> {
  const sitesFolder = await temporarySites()
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  try {
    const { site } = await createSite(runtime, {
      host: `bench-payroll-${process.pid}.localhost`,
      adminPassword: 'fake-Administrator-pass-1',
      installApps: ['hr'],
    })
    await hire(site, people)
    const findings: Finding[] = []
    for (const [index, [start_date, end_date]] of months.entries()) {
      const entry = await site.asSystem('bench', (ctx) => makeEntry(ctx, start_date, end_date))
      const words = `${people} salary slips of ten lines${index > 0 ? ', looking back at the month before' : ''}`
      const made = await drained(site, (ctx) => submitNamed(ctx, 'Payroll Entry', entry))
      const submitted = await drained(site, (ctx) => callDocumentMethod(ctx, 'Payroll Entry', entry, 'submit_salary_slips', {}, 'POST'))
      const about = { engine: 'sqlite', unit: 'slips per second', compares: 'at least' } as const
      findings.push(
        { ...about, what: words, ours: people / made, limit: 200 },
        { ...about, what: `${words}, submitted and posted`, ours: people / submitted },
      )
    }
    return findings
  } finally {
    await runtime.close()
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}

/** Seconds from asking to the end of the job. */
async function drained(site: OpenSite, ask: (ctx: Context) => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await site.asSystem('bench', ask)
  await new Worker({ sites: async () => [site], pollMs: 20 }).drain()
  return (performance.now() - begin) / 1000
}

async function submitNamed(ctx: Context, doctype: string, name: string): Promise<string> {
  return (await submit(ctx, await load(ctx, await ctx.site.meta.get(doctype), name))).name
}

const made = async (ctx: Context, doctype: string, values: Record<string, unknown>) =>
  submitNamed(ctx, doctype, (await insert(ctx, doctype, values)).name)

async function makeEntry(ctx: Context, start_date: string, end_date: string): Promise<string> {
  const { name } = await insert(ctx, 'Payroll Entry', { organization, start_date, end_date, currency: 'EUR', payroll_frequency: 'Monthly' })
  await callDocumentMethod(ctx, 'Payroll Entry', name, 'fill_employee_details', {}, 'POST')
  return name
}

const parts: readonly (readonly [abbr: string, type: string, formula: string, more?: Record<string, unknown>])[] = [
  ['B', 'Earning', 'base * .5'],
  ['HRA', 'Earning', 'B * .4'],
  ['DA', 'Earning', 'B * .1'],
  ['SA', 'Earning', "designation == 'Nurse' ? 300 : 150"],
  ['TA', 'Earning', 'min(200, base * .02)', { is_tax_applicable: 0 }],
  ['VP', 'Earning', 'variable'],
  ['PF', 'Deduction', 'B * .12', { exempted_from_income_tax: 1 }],
  ['INS', 'Deduction', 'gross_pay * .0075'],
  ['PT', 'Deduction', 'base > 2000 ? 20 : 10', { depends_on_payment_days: 0 }],
  ['TDS', 'Deduction', '0', { variable_based_on_taxable_salary: 1, depends_on_payment_days: 0 }],
]

async function hire(site: OpenSite, people: number): Promise<void> {
  const base = await site.asSystem('bench', async (ctx) => {
    if (!(await exists(ctx, 'Currency', 'EUR'))) await insert(ctx, 'Currency', { currency_name: 'EUR', enabled: 1, fraction_units: 100 })
    await insert(ctx, 'Organization', { organization_name: organization, abbr: 'B', default_currency: 'EUR' })
    await insert(ctx, 'Payroll Period', { payroll_period_name: '2026', organization, start_date: '2026-01-01', end_date: '2026-12-31' })
    const rows: Record<string, { salary_component: string }[]> = { Earning: [], Deduction: [] }
    for (const [abbr, type, formula, more] of parts) {
      const component = await insert(ctx, 'Salary Component', {
        salary_component: `Part ${abbr}`,
        salary_component_abbr: abbr,
        type,
        organization,
        amount_based_on_formula: 1,
        formula,
        ...more,
      })
      rows[type]?.push({ salary_component: component.name })
    }
    const salary_structure = await made(ctx, 'Salary Structure', {
      structure_name: 'Staff',
      organization,
      currency: 'EUR',
      earnings: rows.Earning,
      deductions: rows.Deduction,
    })
    const income_tax_slab = await made(ctx, 'Income Tax Slab', {
      slab_name: 'Steps',
      organization,
      effective_from: '2026-01-01',
      slabs: [
        { from_amount: 0, to_amount: 12_000, percent_deduction: 10 },
        { from_amount: 12_000, to_amount: 0, percent_deduction: 20 },
      ],
    })
    return { salary_structure, income_tax_slab }
  })
  for (let start = 0; start < people; start += 100)
    await site.asSystem('bench', async (ctx) => {
      for (let number = start; number < Math.min(people, start + 100); number++) {
        const { name } = await insert(ctx, 'Employee', { first_name: `Person ${number}`, organization, date_of_joining: '2025-05-01' })
        await made(ctx, 'Salary Structure Assignment', {
          ...base,
          employee: name,
          organization,
          from_date: '2026-01-01',
          base: 2000 + (number % 97) * 31.7,
          variable: number % 300,
        })
      }
    })
}
