import { defineError } from '#client/rules/errors.ts'

export const SearchMalformed = defineError<{ field: string; reason: string }>({
  code: 'search/malformed',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The search cannot be carried out because of ${d.field}: ${d.reason}.`,
})

export const SearchUnavailable = defineError({
  code: 'search/unavailable',
  status: 503,
  excType: 'ValidationError',
  message: () => 'The search engine cannot be asked at the moment. Lists and their filters work as ever.',
})
