import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DocumentNotFound, ValueTaken } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { toWire } from '#kernel/documents/wire.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { work, workingTown } from '#testing/people.ts'
import { testDatabases } from '#testing/services.ts'
import { DatesOutOfOrder, OfAnotherOrganization, ReportsInCircle, StillReportedTo, ValueRefused } from '../errors.ts'
import { certificationStatus } from './certifications.ts'

for (const { name: database } of testDatabases()) {
  let now = Date.UTC(2026, 5, 1, 9)
  const town = await workingTown({ database, clock: { now: () => now } })
  const { as, asSystem, make, employ, employees, hanna, lea, ben, olga } = town
  const change = (doctype: string, name: string, values: Record<string, unknown>, user = hanna) =>
    as(user, async (ctx) => save(ctx, await openForWrite(ctx, doctype, name), values))
  const refused = (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => {
      assert.ok(kind.is(error), String(error))
      assert.equal((error as { field: string }).field, field)
      return true
    })
  const seen = async (user: string, doctype = 'Employee') =>
    as(user, async (ctx) => (await list(ctx, doctype, { limit: 0, wire: documentForm })).rows.map((row) => String(row.name)).sort())

  test(`${database}: an employee has a full name, dates in order and one user`, async () => {
    const made = await as(hanna, (ctx) =>
      insert(ctx, 'Employee', {
        first_name: ' Ada ',
        last_name: 'Byron',
        organization: 'North',
        date_of_joining: '2024-01-01',
        date_of_birth: '1990-01-01',
      }),
    )
    assert.equal(made.employee_name, 'Ada Byron')
    await refused(employ('X', { date_of_birth: '2021-01-01' }), DatesOutOfOrder, 'date_of_joining')
    await refused(employ('X', { relieving_date: '2019-12-31' }), DatesOutOfOrder, 'relieving_date')
    await refused(employ('X', { status: 'Left' }), ValueRefused, 'relieving_date')
    await refused(employ('X', { date_of_birth: '2026-06-02', date_of_joining: '2026-06-03' }), ValueRefused, 'date_of_birth')
    await refused(employ('X', { user_id: ben }), ValueTaken, 'user_id')
  })

  test(`${database}: skills are judged from 1 to 5, each once`, async () => {
    const skill = await make('Skill', { skill_name: 'Welding', organization: 'North' })
    const skills = (...proficiency: number[]) => ({ skills: proficiency.map((one) => ({ skill, proficiency: one })) })
    await refused(employ('X', skills(6)), ValueRefused, 'skills[0].proficiency')
    await refused(employ('X', skills(0)), ValueRefused, 'skills[0].proficiency')
    await refused(employ('X', skills(3, 4)), ValueRefused, 'skills[1].skill')
    assert.ok(await employ('Wanda', skills(5)))
  })

  test(`${database}: nobody reports to themselves, not even through others`, async () => {
    const chain = [await employ('A')]
    for (const name of ['B', 'C', 'D']) chain.push(await employ(name, { reports_to: chain.at(-1) }))
    await fc.assert(
      fc.asyncProperty(fc.nat(3), fc.nat(3), async (upper, lower) => {
        fc.pre(upper <= lower)
        await refused(change('Employee', String(chain[upper]), { reports_to: chain[lower] }), ReportsInCircle, 'reports_to')
      }),
      { numRuns: 10 },
    )
  })

  test(`${database}: who is reported to cannot leave`, async () => {
    const boss = await employ('Boss')
    const worker = await employ('Worker', { reports_to: boss })
    const leaves = { status: 'Left', relieving_date: '2026-06-30' }
    await refused(change('Employee', boss, leaves), StillReportedTo, 'status')
    await change('Employee', worker, { reports_to: null })
    await change('Employee', boss, leaves)
    await refused(change('Employee', worker, { reports_to: boss }), ValueRefused, 'reports_to')
  })

  test(`${database}: people see themselves and those below them, HR sees its organization, nobody another one`, async () => {
    assert.deepEqual(await seen(ben), [employees.ben])
    assert.deepEqual(await seen(lea), [employees.lea, employees.ben].sort())
    assert.ok((await seen(hanna)).includes(employees.dina) && !(await seen(hanna)).includes(employees.oskar))
    assert.deepEqual(await seen(olga), [employees.oskar])
    await assert.rejects(
      as(olga, (ctx) => getDocument(ctx, 'Employee', employees.ben)),
      DocumentNotFound.is,
    )
    await assert.rejects(
      as(ben, (ctx) => getDocument(ctx, 'Employee', employees.dina)),
      PermissionDenied.is,
    )
    await assert.rejects(change('Employee', employees.ben, { first_name: 'Benno' }, ben), PermissionDenied.is)
    const portal = await town.person('porta', ['Portal User'], ['North'])
    await assert.rejects(seen(portal), PermissionDenied.is)
  })

  test(`${database}: a department’s manager sees who works in it and below`, async () => {
    const mona = await town.person('mona', ['Employee'], ['North'])
    const top = await make('Department', { department_name: 'Top', organization: 'North', is_group: 1, manager: mona })
    const under = await make('Department', { department_name: 'Under', organization: 'North', parent_department: top })
    const carl = await employ('Carl', { department: under })
    assert.deepEqual(await seen(mona), [carl])
  })

  test(`${database}: pay is for HR and finance`, async () => {
    const shown = (user: string) => as(user, async (ctx) => toWire(ctx, await getDocument(ctx, 'Employee', employees.ben), wireV1(ctx)))
    assert.equal('ctc' in (await shown(ben)), false)
    assert.equal('ctc' in (await shown(lea)), false)
    assert.equal(Number((await shown(hanna)).ctc), 50000)
  })

  test(`${database}: links stay in the organization`, async () => {
    const theirs = await make('Designation', { designation_name: 'Fitter', organization: 'South' })
    await refused(change('Employee', employees.ben, { designation: theirs }), LinkNotFound, 'designation')
    await refused(employ('X', { designation: theirs }), OfAnotherOrganization, 'designation')
    await refused(employ('X', { reports_to: employees.oskar }), OfAnotherOrganization, 'reports_to')
  })

  test(`${database}: the org chart is what the caller may read`, async () => {
    const chart = (await as(lea, (ctx) => callMethod(ctx, findMethod(ctx, 'orchestrator.hr.org_chart'), {}, 'GET'))) as {
      name: string
      reports_to: string
    }[]
    assert.deepEqual(
      chart.map((row) => [row.name, row.reports_to]),
      [
        [employees.ben, employees.lea],
        [employees.lea, null],
      ],
    )
  })

  test(`${database}: a certification follows its dates, and reminds once`, async () => {
    assert.equal(certificationStatus('2026-06-30', 30, '2026-05-30'), 'Valid')
    assert.equal(certificationStatus('2026-06-30', 30, '2026-05-31'), 'Expiring')
    assert.equal(certificationStatus('2026-06-30', 30, '2026-06-30'), 'Expiring')
    assert.equal(certificationStatus('2026-06-30', 30, '2026-07-01'), 'Expired')
    const kind = await make('Certification Type', {
      certification_type_name: 'First aid',
      organization: 'North',
      validity_months: 24,
      reminder_days: 30,
    })
    const name = await make('Employee Certification', { employee: employees.ben, certification_type: kind, issued_on: '2024-08-01' })
    const read = () => asSystem((ctx) => getDocument(ctx, 'Employee Certification', name))
    assert.deepEqual([(await read()).expiry_date, (await read()).status, (await read()).organization], ['2026-08-01', 'Valid', 'North'])
    await refused(
      make('Employee Certification', {
        employee: employees.ben,
        certification_type: kind,
        issued_on: '2024-08-01',
        expiry_date: '2024-07-01',
      }),
      DatesOutOfOrder,
      'expiry_date',
    )
    const told = () =>
      asSystem(
        async (ctx) =>
          (await list(ctx, 'Notification Log', { filters: [['document_name', '=', name]], limit: 0, wire: documentForm })).rows.length,
      )
    now = Date.UTC(2026, 6, 10, 9)
    await work(town, 'hr.remind-certifications')
    assert.equal((await read()).status, 'Expiring')
    const first = await told()
    // Ben, and Lea whom he reports to.
    assert.equal(first, 2)
    now = Date.UTC(2026, 6, 11, 9)
    await work(town, 'hr.remind-certifications')
    assert.equal(await told(), first)
    now = Date.UTC(2026, 7, 2, 9)
    await work(town, 'hr.remind-certifications')
    assert.equal((await read()).status, 'Expired')
    assert.ok((await told()) > first)
  })
}
