import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addDays, dayNumber } from './dates.ts'
import { type DayRules, type DaysInput, paymentDays } from './payroll-days.ts'

const rules: DayRules = {
  basedOn: 'Leave',
  includeHolidays: false,
  unmarkedIsAbsent: false,
  absentOnHolidays: false,
  halfDayFraction: 0.5,
}
const november: DaysInput = {
  start: '2026-11-01',
  end: '2026-11-30',
  joining: '2020-01-01',
  relieving: undefined,
  holidays: new Set(['2026-11-01', '2026-11-08', '2026-11-15', '2026-11-22', '2026-11-29']),
  leaves: [],
  attendance: [],
}
const unpaid = { isUnpaid: true, paidFraction: undefined, includesHolidays: false }
const half = { isUnpaid: false, paidFraction: 0.5, includesHolidays: false }

test('by attendance, a day and half a day of unpaid leave and a day of absence cost 2.25 days when half a day is paid with 0.75', () => {
  const days = paymentDays(
    {
      ...november,
      attendance: [
        { day: '2026-11-02', status: 'Absent' },
        { day: '2026-11-03', status: 'On Leave', leave: unpaid },
        { day: '2026-11-04', status: 'Half Day', leave: unpaid },
        { day: '2026-11-05', status: 'Work From Home' },
      ],
    },
    { ...rules, basedOn: 'Attendance', halfDayFraction: 0.75 },
  )
  assert.deepEqual([days.totalWorkingDays, days.leaveWithoutPay, days.absentDays, days.paymentDays], [25, 1.25, 1, 25 - 2.25])
})

test('by leave, three unpaid days and a day and a half at half pay cost 3.75 days', () => {
  const days = paymentDays(
    {
      ...november,
      leaves: [
        { from: '2026-11-02', to: '2026-11-04', halfDayOn: undefined, leave: unpaid },
        { from: '2026-11-05', to: '2026-11-06', halfDayOn: '2026-11-06', leave: half },
      ],
    },
    rules,
  )
  assert.deepEqual([days.leaveWithoutPay, days.paymentDays], [3.75, 25 - 3.75])
})

test('whoever joins three days after the first and leaves five days before the last is paid eight days less', () => {
  const input = { ...november, joining: '2026-11-04', relieving: '2026-11-25' }
  assert.equal(paymentDays(input, { ...rules, includeHolidays: true }).paymentDays, 30 - 8)
  assert.equal(paymentDays({ ...input, holidays: new Set() }, rules).paymentDays, 30 - 8)
  // Of the eight two are Sundays, which are no working days anyway.
  assert.equal(paymentDays(input, rules).paymentDays, 25 - 6)
})

test('leave over a Sunday costs it only where its kind counts holidays', () => {
  const leaves = (includesHolidays: boolean) => [
    { from: '2026-11-07', to: '2026-11-09', halfDayOn: undefined, leave: { ...unpaid, includesHolidays } },
  ]
  assert.equal(paymentDays({ ...november, leaves: leaves(false) }, rules).leaveWithoutPay, 2)
  assert.equal(paymentDays({ ...november, leaves: leaves(true) }, rules).leaveWithoutPay, 3)
})

test('a day without attendance is absence only where the organization says so', () => {
  const attendance = [{ day: '2026-11-02', status: 'Present' as const }]
  const absent = paymentDays({ ...november, attendance }, { ...rules, basedOn: 'Attendance', unmarkedIsAbsent: true })
  assert.deepEqual([absent.unmarkedDays, absent.absentDays, absent.paymentDays], [24, 24, 1])
  assert.equal(paymentDays({ ...november, attendance }, { ...rules, basedOn: 'Attendance' }).paymentDays, 25)
})

test('absence on a Sunday counts only where the organization says so, and half a day absent costs half a day', () => {
  const attendance = [
    { day: '2026-11-08', status: 'Absent' as const },
    { day: '2026-11-09', status: 'Half Day' as const, otherHalf: 'Absent' as const },
  ]
  const by = { ...rules, basedOn: 'Attendance' as const }
  assert.equal(paymentDays({ ...november, attendance }, by).absentDays, 0.5)
  assert.equal(paymentDays({ ...november, attendance }, { ...by, absentOnHolidays: true }).absentDays, 1.5)
})

test('days paid and the parts that are not always make up the working days, unless more is lost than there is', () => {
  const day = fc.integer({ min: 0, max: 40 }).map((number) => addDays('2026-10-27', number))
  const leave = fc.record({
    isUnpaid: fc.boolean(),
    paidFraction: fc.option(fc.constantFrom(0, 0.25, 0.5, 1), { nil: undefined }),
    includesHolidays: fc.constant(false),
  })
  fc.assert(
    fc.property(
      fc.array(fc.record({ from: day, long: fc.integer({ min: 0, max: 9 }), leave })),
      fc.uniqueArray(day),
      day,
      fc.boolean(),
      (spans, holidays, joining, includeHolidays) => {
        const days = paymentDays(
          {
            ...november,
            joining,
            holidays: new Set(holidays),
            leaves: spans.map(({ from, long, leave }) => ({ from, to: addDays(from, long), halfDayOn: from, leave })),
          },
          { ...rules, includeHolidays },
        )
        const lost = days.unpaid.reduce((sum, { part }) => sum + part, 0)
        assert.ok(Math.abs(days.totalWorkingDays - lost - days.paymentDays) < 1e-3)
        assert.ok(days.unpaid.every((one) => one.part > 0 && one.part <= 1 && dayNumber(one.day) >= dayNumber('2026-11-01')))
      },
    ),
  )
})
