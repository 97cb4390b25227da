import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type LineTrace, reckon } from '#client/rules/payroll-trace.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { cancel, insert, openForWrite, submit } from '#kernel/documents/save.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { list } from '#kernel/query/list.ts'
import { payingHouse } from '#testing/payroll.ts'
import { testDatabases } from '#testing/services.ts'
import { rowsOf } from '../shared/rows.ts'

const organization = 'North'

for (const { name: database } of testDatabases())
  suite(`payroll on ${database}`, () => {
    test('two months of a group, with a rise that comes late: paid, made up for, posted, explained, taken back', async () => {
      const house = await payingHouse({ database, closedByCaller: true })
      const { as, asSystem, component, made, hired, hana, olga } = house
      try {
        const parts = [
          await component('B', { amount_based_on_formula: 1, formula: 'base * .5' }),
          await component('H', { amount_based_on_formula: 1, formula: 'B * .333' }),
        ]
        const salary_structure = await made('Salary Structure', {
          structure_name: 'Staff',
          organization,
          earnings: parts.map((salary_component) => ({ salary_component })),
        })
        const assign = (employee: string, base: number, from_date: string) =>
          made('Salary Structure Assignment', { employee, organization, salary_structure, base, from_date })
        const people: string[] = []
        for (let number = 0; number < 4; number++)
          people.push(await hired(`Person ${number}`, { date_of_joining: `2026-01-${10 + number}` }))
        for (const [index, employee] of people.entries()) await assign(employee, 1234.56 + index * 100.1, '2026-02-01')
        const run = async (start_date: string, end_date: string) => {
          const values = { organization, start_date, end_date, currency: 'EUR', payroll_frequency: 'Monthly' }
          const { name } = await as(hana, (ctx) => insert(ctx, 'Payroll Entry', values))
          const call = (verb: string) => as(hana, (ctx) => callDocumentMethod(ctx, 'Payroll Entry', name, verb, {}, 'POST'))
          const drain = () => new Worker({ sites: async () => [house.site], pollMs: 20 }).drain()
          await call('fill_employee_details')
          await as(hana, async (ctx) => submit(ctx, await openForWrite(ctx, 'Payroll Entry', name)))
          await drain()
          await call('submit_salary_slips')
          await drain()
          const slips = await asSystem((ctx) =>
            rowsOf(ctx, 'Salary Slip', and(where('payroll_entry', '=', name), where('docstatus', '=', 1)), {
              orderBy: [['employee', 'asc']],
            }),
          )
          return Promise.all(slips.map((slip) => as(hana, (ctx) => getDocument(ctx, 'Salary Slip', slip.name))))
        }
        const october = await run('2026-10-01', '2026-10-31')
        await assign(people[0] as string, 2000, '2026-10-16')
        const november = await run('2026-11-01', '2026-11-30')
        assert.deepEqual([october.length, november.length], [4, 4])
        assert.deepEqual([String(october[0]?.gross_pay), String(november[0]?.gross_pay)], ['822.83', '1843.17'])
        assert.equal(String(november[1]?.gross_pay), String(october[1]?.gross_pay))
        for (const slip of [...october, ...november])
          for (const row of slip.earnings as AnyDocument[])
            assert.equal(reckon(JSON.parse(String(row.trace)) as LineTrace).amount.toString(), String(row.amount))
        await as(hana, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Salary Slip', String(november[0]?.name), 'cancel')))
        const postings = await asSystem((ctx) => rowsOf(ctx, 'Payroll Posting', where('organization', '=', organization)))
        assert.equal(postings.length, 9)
        assert.ok(postings.every((row) => String(row.total_debit) === String(row.total_credit)))
        assert.deepEqual((await as(olga, (ctx) => list(ctx, 'Salary Slip', { wire: { version: 1, zone: 'UTC' } }))).rows, [])
      } finally {
        await house.close()
      }
    })

    test('of two slips made at once for the same days one is kept', async () => {
      const house = await payingHouse({ database, closedByCaller: true })
      const { as, asSystem, component, made, hired, hana } = house
      try {
        const salary_component = await component('B', { amount: 100 })
        const salary_structure = await made('Salary Structure', { structure_name: 'Staff', organization, earnings: [{ salary_component }] })
        const employee = await hired('Ada')
        await made('Salary Structure Assignment', { employee, organization, salary_structure, from_date: '2026-01-01' })
        const values = { employee, organization, start_date: '2026-10-01', end_date: '2026-10-31' }
        const both = await Promise.allSettled([1, 2].map(() => as(hana, (ctx) => insert(ctx, 'Salary Slip', values))))
        assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
        assert.equal((await asSystem((ctx) => rowsOf(ctx, 'Salary Slip', where('employee', '=', employee)))).length, 1)
      } finally {
        await house.close()
      }
    })
  })
