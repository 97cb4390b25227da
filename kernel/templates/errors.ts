import { defineError } from '#client/rules/errors.ts'

export const TemplateInvalid = defineError<{ field?: string; line: number; reason: string }>({
  code: 'templates/invalid',
  status: 417,
  excType: 'ValidationError',
  message: ({ line, reason }) => `The template cannot be used: ${reason}${line > 0 ? ` (line ${line})` : ''}.`,
})

export const TemplateTooLong = defineError<{ field?: string; what: 'source' | 'time' | 'output' }>({
  code: 'templates/too-long',
  status: 417,
  excType: 'ValidationError',
  message: ({ what }) =>
    what === 'source'
      ? 'The template is too long.'
      : what === 'time'
        ? 'The template takes too long to fill in.'
        : 'The template makes more text than a template may.',
})
