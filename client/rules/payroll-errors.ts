import { defineError } from './errors.ts'

const refusal = { status: 417, excType: 'ValidationError' } as const

/** Components that need each other's amount. */
export const ComponentCycle = defineError<{ field: string; path: readonly string[] }>({
  code: 'payroll/component-cycle',
  ...refusal,
  message: (d) => `These components need one another: ${d.path.join(' → ')}.`,
})

/** A condition or formula that cannot be read, names what nobody knows, or gives no number. */
export const BadFormula = defineError<{ field: string; reason: string }>({
  code: 'payroll/bad-formula',
  ...refusal,
  message: (d) => `${d.field}: ${d.reason}`,
})

export const BadPayrollDates = defineError<{ field: string; reason: string }>({
  code: 'payroll/bad-dates',
  ...refusal,
  message: (d) => `${d.field}: ${d.reason}`,
})

export const BadSlabs = defineError<{ field: string; reason: string }>({
  code: 'payroll/bad-slabs',
  ...refusal,
  message: (d) => `${d.field}: ${d.reason}`,
})

export const BadHours = defineError<{ field: string; reason: string }>({
  code: 'payroll/bad-hours',
  ...refusal,
  message: (d) => `${d.field}: ${d.reason}`,
})
