import { defineError } from '#client/rules/errors.ts'

export const SiteNotFound = defineError<{ host: string }>({
  code: 'sites/not-found',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `There is no site "${d.host}".`,
})

export const SiteExists = defineError<{ host: string }>({
  code: 'sites/exists',
  status: 409,
  excType: 'DuplicateEntryError',
  message: (d) => `Site "${d.host}" exists already.`,
})

export const SiteNameInvalid = defineError<{ host: string; field: string }>({
  code: 'sites/name-invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `"${d.host}" cannot be the name of a site: use letters, digits, dots and hyphens, as in a host name.`,
})

export const SiteUnreadable = defineError<{ folder: string; reason: string }>({
  code: 'sites/unreadable',
  status: 500,
  excType: 'SiteConfigError',
  message: (d) => `The configuration of site ${d.folder} cannot be read: ${d.reason}`,
})
