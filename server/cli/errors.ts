import { defineError } from '#client/rules/errors.ts'

export const UnknownCommand = defineError<{ command: string; suggestion: string }>({
  code: 'cli/unknown-command',
  status: 400,
  excType: 'UsageError',
  message: (d) => `There is no command "${d.command}".${d.suggestion ? ` Did you mean "${d.suggestion}"?` : ''} "orc --help" lists them.`,
})

export const UnknownOption = defineError<{ command: string; option: string; suggestion: string }>({
  code: 'cli/unknown-option',
  status: 400,
  excType: 'UsageError',
  message: (d) => `${d.command} has no option ${d.option}.${d.suggestion ? ` Did you mean ${d.suggestion}?` : ''}`,
})

export const BadUsage = defineError<{ reason: string }>({
  code: 'cli/bad-usage',
  status: 400,
  excType: 'UsageError',
  message: (d) => d.reason,
})

export const SiteNotChosen = defineError<{ hosts: string[] }>({
  code: 'cli/site-not-chosen',
  status: 400,
  excType: 'UsageError',
  message: (d) =>
    d.hosts.length === 0
      ? 'There is no site yet. "orc new-site HOST" makes one.'
      : `Say which site with --site: ${d.hosts.slice(0, 10).join(', ')}${d.hosts.length > 10 ? ' …' : ''}.`,
})

export const NotConfirmed = defineError<{ what: string }>({
  code: 'cli/not-confirmed',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.what} Give --force if that is what you want.`,
})

export const TargetExists = defineError<{ path: string }>({
  code: 'cli/target-exists',
  status: 409,
  excType: 'DuplicateEntryError',
  message: (d) => `${d.path} is there already; nothing was written.`,
})

export const FileNotFound = defineError<{ path: string }>({
  code: 'cli/file-not-found',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `${d.path} does not exist.`,
})
