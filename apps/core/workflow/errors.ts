import { defineError } from '#client/rules/errors.ts'

export const ActionLinkInvalid = defineError<object>({
  code: 'workflow/link-invalid',
  status: 410,
  excType: 'ValidationError',
  message: () => 'This link was used already, or has expired.',
})
