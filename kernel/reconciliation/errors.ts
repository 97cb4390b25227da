import { defineError } from '#client/rules/errors.ts'

export const ReconciliationUnknown = defineError<{ field: string; name: string }>({
  code: 'reconciliation/unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `No installed app declares a reconciliation "${d.name}".`,
})

export const ReconciliationRefused = defineError<{ field: string; reason: string }>({
  code: 'reconciliation/refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `This cannot be reconciled: ${d.reason}`,
})

export const ReconciliationSettled = defineError<{ log: string; reason: string }>({
  code: 'reconciliation/settled',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.log} asks for nobody: ${d.reason}`,
})
