import { defineError } from '#client/rules/errors.ts'

export const OriginRefused = defineError({
  code: 'realtime/origin-refused',
  status: 403,
  excType: 'PermissionError',
  message: () => 'Pages of this origin may not connect.',
})

export const SiteNotHere = defineError<{ name: string }>({
  code: 'realtime/site-not-here',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `There is no site ${d.name} at this address.`,
})

export const WordsMalformed = defineError<{ event: string }>({
  code: 'realtime/words-malformed',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.event} needs names: texts of at most 300 characters.`,
})

export const TooManyWords = defineError<{ limit: number }>({
  code: 'realtime/too-many-words',
  status: 429,
  excType: 'TooManyRequestsError',
  message: (d) => `More than ${d.limit} messages in ten seconds. The connection ends.`,
})
