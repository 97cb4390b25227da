import { defineError } from '#client/rules/errors.ts'

const refusal = { status: 417, excType: 'ValidationError' } as const

/** Nothing says what somebody is paid at that time. */
export const NothingAssigned = defineError<{ field: string; employee: string; day: string }>({
  code: 'payroll/nothing-assigned',
  ...refusal,
  message: (d) => `No salary structure is assigned to ${d.employee} on ${d.day}.`,
})

export const SlipExists = defineError<{ field: string; employee: string; slip: string }>({
  code: 'payroll/slip-exists',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.employee} has ${d.slip} for days of this period.`,
})

export const NotEmployed = defineError<{ field: string; employee: string }>({
  code: 'payroll/not-employed',
  ...refusal,
  message: (d) => `${d.employee} is not employed in this period.`,
})

/** More is taken off than is earned. */
export const NetBelowZero = defineError<{ field: string; employee: string; amount: string }>({
  code: 'payroll/net-below-zero',
  ...refusal,
  message: (d) => `The pay of ${d.employee} would be ${d.amount}.`,
})

export const CurrencyMismatch = defineError<{ field: string; currency: string; wanted: string }>({
  code: 'payroll/currency-mismatch',
  ...refusal,
  message: (d) => `${d.field}: it is in ${d.currency}, and ${d.wanted} is meant.`,
})

export const ExchangeRateNeeded = defineError<{ field: string; from: string; to: string }>({
  code: 'payroll/exchange-rate-needed',
  ...refusal,
  message: (d) => `An exchange rate from ${d.from} to ${d.to} is needed.`,
})

export const PayRefused = defineError<{ field: string; reason: string }>({
  code: 'payroll/refused',
  ...refusal,
  message: (d) => `${d.field}: ${d.reason}`,
})

/** A slip lies outside every payroll period, by which its tax would be reckoned. */
export const NoPayrollPeriod = defineError<{ field: string; day: string }>({
  code: 'payroll/no-payroll-period',
  ...refusal,
  message: (d) => `No payroll period holds ${d.day}; the income tax is reckoned by it.`,
})

export const AttendanceIncomplete = defineError<{ field: string; employee: string; days: number }>({
  code: 'payroll/attendance-incomplete',
  ...refusal,
  message: (d) => `${d.employee} has no attendance for ${d.days} days.`,
})
