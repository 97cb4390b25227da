/** What a masked field shows instead of a text or number, of whatever length that was. */
export const maskText = 'XXXX'

/** The part of a field's definition on which its mask depends. */
export interface MaskedField {
  fieldtype: string
  /** `Email` or `Phone` on a Data field. */
  options?: string | null
}

/**
 * What somebody sees of a field whose content they may not read: an address keeps its domain, a telephone number its last two digits,
 * days and times their shape, all else becomes `XXXX`, also 0 and numbers in general. Nothing stays nothing (null, undefined, '').
 */
export function maskValue(value: unknown, field: MaskedField): unknown {
  if (value === null || value === undefined || value === '') return value
  switch (field.fieldtype) {
    case 'Date':
      return 'XXXX-XX-XX'
    case 'Datetime':
      return 'XXXX-XX-XX XX:XX:XX'
    case 'Time':
      return 'XX:XX:XX'
    case 'Phone':
      return maskPhone(String(value))
    case 'Data':
      if (field.options === 'Email') return maskEmail(String(value))
      return field.options === 'Phone' ? maskPhone(String(value)) : maskText
    default:
      return maskText
  }
}

// A text that is no single address could show part of itself after its last @.
function maskEmail(text: string): string {
  const parts = text.split('@')
  return parts.length === 2 && parts[1] && !/[\s,;<>]/.test(text) ? `****@${parts[1]}` : maskText
}

/** Under seven digits the last two would give too much away. */
function maskPhone(text: string): string {
  const digits = text.replaceAll(/\D/g, '')
  return digits.length < 7 ? maskText : `${'X'.repeat(digits.length - 2)}${digits.slice(-2)}`
}
