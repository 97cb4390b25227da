import { defineError } from '#client/rules/errors.ts'

export const AppInvalid = defineError<{ app: string; reason: string }>({
  code: 'apps/invalid',
  status: 500,
  excType: 'AppError',
  message: (d) => `App "${d.app}" cannot be loaded: ${d.reason}`,
})

export const AppMissing = defineError<{ app: string; neededBy: string }>({
  code: 'apps/missing',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => (d.neededBy ? `App "${d.app}" is missing; ${d.neededBy} needs it.` : `There is no app "${d.app}".`),
})

export const AppInUse = defineError<{ app: string; usedBy: string[] }>({
  code: 'apps/in-use',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `App "${d.app}" cannot be removed; ${d.usedBy.join(', ')} ${d.usedBy.length === 1 ? 'needs' : 'need'} it.`,
})
