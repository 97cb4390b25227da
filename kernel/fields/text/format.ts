import { isEmail, isPersonName, isPhone, isUrl } from '#client/rules/formats.ts'
import type { FieldDefinition } from '#kernel/meta/definition.ts'
import { badValue } from '../refusals.ts'

/** What `options` of a Data field may ask of its text. An e-mail field may hold several addresses, separated by commas. */
const formats: Readonly<Record<string, { expected: string; isFit: (text: string) => boolean }>> = {
  Email: { expected: 'an e-mail address', isFit: (text) => text.split(',').every((address) => isEmail(address.trim())) },
  Name: { expected: 'a name', isFit: isPersonName },
  Phone: { expected: 'a phone number', isFit: isPhone },
  URL: { expected: 'a web address', isFit: isUrl },
  JSON: { expected: 'JSON', isFit: isJson },
}

/** Refuses text that is not of the format named by the field's `options`; other options (a language, for Code) ask nothing. @throws BadValue */
export function checkFormat(text: string, field: FieldDefinition, path: string): void {
  const wanted = field.options?.trim() ?? ''
  const format = Object.hasOwn(formats, wanted) ? formats[wanted] : undefined
  if (format && !format.isFit(text)) throw badValue(field, path, format.expected)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
