import { defineError } from '#client/rules/errors.ts'

export const CacheKeyInvalid = defineError<{ cache: string; reason: string }>({
  code: 'cache/key-invalid',
  status: 500,
  excType: 'ValidationError',
  message: (d) => `The key given to the cache "${d.cache}" ${d.reason}.`,
})

export const CacheDenied = defineError<{ cache: string; tenant: string }>({
  code: 'cache/denied',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `You may not see what belongs to "${d.tenant}".`,
})

export const CacheNotFound = defineError<{ cache: string }>({
  code: 'cache/not-found',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `There is no cache "${d.cache}".`,
})
