import { defineError } from '#client/rules/errors.ts'

export const RuleInvalid = defineError<{ doctype: string; name: string; field: string; reason: string }>({
  code: 'automation/rule-invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.doctype}${d.name ? ` ${d.name}` : ''}: ${d.reason}`,
})
