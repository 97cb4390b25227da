/**
 * What names and well-known kinds of text may look like. Each check looks at every character a fixed number of times, so that no input
 * makes it slow.
 */

const addressCharacters = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~.-]+$/u
const domainLabel = /^[\p{L}\p{M}\p{N}-]+$/u

/** One bare address, `local@domain.tld`, letters of any script; at most 64 characters before the @ and 254 in all. No display name. */
export function isEmail(text: string): boolean {
  const at = text.indexOf('@')
  const local = text.slice(0, at)
  if (at < 1 || at > 64 || text.length > 254) return false
  if (!addressCharacters.test(local) || local.startsWith('.') || local.endsWith('.') || local.includes('..')) return false
  const labels = text.slice(at + 1).split('.')
  return labels.length > 1 && labels.every(isDomainLabel) && !/^\d+$/.test(labels.at(-1) as string)
}

function isDomainLabel(label: string): boolean {
  return label.length <= 63 && domainLabel.test(label) && !label.startsWith('-') && !label.endsWith('-')
}

/** A person's name: letters, digits, `_ - ' ’ .` and single spaces, beginning with a letter or digit; at most 140 characters. */
export function isPersonName(text: string): boolean {
  return text.length <= 140 && /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_'’. -]*$/u.test(text) && !text.endsWith(' ') && !text.includes('  ')
}

/** A telephone number as people write it: digits with `+ - _ , . * # ( )` and spaces, at least one digit, at most 20 characters. */
export function isPhone(text: string): boolean {
  return /^[0-9 +_\-,.*#()]{1,20}$/.test(text) && /[0-9]/.test(text)
}

const webSchemes = new Set(['http:', 'https:', 'ftp:', 'ftps:', 'sftp:', 'ws:', 'wss:'])

/** An absolute address with a host, of a scheme that cannot run code; at most 2,000 characters. */
export function isUrl(text: string): boolean {
  // The platform's reader quietly drops spaces and control characters, and we would store what it never saw.
  if (text.length > 2000 || /[\s\p{Cc}\\<>"`]/u.test(text) || !URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return webSchemes.has(protocol) && hostname !== '' && text.slice(protocol.length).startsWith('//')
}

/** What scanners read as Code 128 and its kin: printable ASCII, at most 140 characters. */
export function isBarcode(text: string): boolean {
  return /^[\x20-\x7e]{1,140}$/.test(text)
}

/** A colour as `#rgb`, `#rrggbb`, or either with an opacity (`#rgba`, `#rrggbbaa`). */
export function isColor(text: string): boolean {
  return /^#(?:[0-9a-f]{3}|[0-9a-f]{4}|[0-9a-f]{6}|[0-9a-f]{8})$/i.test(text)
}

/** The choices of a Select field, from its `options`: one a line, an empty line being the empty choice. */
export function selectOptions(options: string | null | undefined): string[] {
  return options ? options.split('\n').map((line) => line.trim()) : []
}

/** Whether a Select field may hold the value. The empty value always fits, and so does any where no choices are given. */
export function isSelectOption(value: string, options: string | null | undefined): boolean {
  if (value === '') return true
  const choices = selectOptions(options)
  return choices.includes(value) || choices.every((choice) => choice === '')
}

/** Words that every JavaScript object answers to; as names of data they would be taken for these. */
export const reservedWords: ReadonlySet<string> = new Set([
  '__proto__',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'toLocaleString',
  'toString',
  'valueOf',
  'toJSON',
  'then',
])

/** Letters, digits and `_`, not beginning with a digit, under 64 characters, no word that objects own. */
export function isFieldname(text: string): boolean {
  return text.length < 64 && /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !reservedWords.has(text)
}

/** Longest DocType name in bytes of UTF-8: with `tab` before it, it must fit the identifiers of every database. */
export const doctypeNameBytes = 61

/**
 * A DocType's name: begins with a letter or digit, then letters, digits, single spaces and `_ - ( ) & / . , + :`; no quotes, no
 * semicolon, no `..`, nothing invisible.
 */
export function isDoctypeName(text: string): boolean {
  if (text.length > doctypeNameBytes || utf8Length(text) > doctypeNameBytes || reservedWords.has(text)) return false
  return /^[\p{L}\p{N}][\p{L}\p{M}\p{N} _\-()&/.,+:]*$/u.test(text) && !text.endsWith(' ') && !text.includes('  ') && !text.includes('..')
}

function utf8Length(text: string): number {
  let bytes = 0
  for (const char of text) {
    const point = char.codePointAt(0) as number
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
  }
  return bytes
}

/**
 * Whether a text may name a document: 1 to 140 characters, no `<` or `>`, no control character or half surrogate, no space at either
 * end, and neither `.` nor `..`, which addresses swallow.
 */
export function isSafeName(text: string): boolean {
  if (text === '' || text.length > 140 || text === '.' || text === '..' || text.trim() !== text) return false
  return text.isWellFormed() && !/[\p{Cc}<>]/u.test(text)
}
