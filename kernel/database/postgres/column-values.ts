type Read = (text: string) => unknown

// Type numbers of pg_type.
const readers = new Map<number, Read>([
  [16, (text) => (text === 't' ? 1 : 0)],
  [20, safeInteger],
  [21, Number],
  [23, Number],
  [26, Number],
  [700, Number],
  [701, Number],
  [1083, sixDigits],
  [1114, sixDigits],
  [1184, (text) => sixDigits(text.replace(/\+00(:00)?$/, ''))],
  [17, (text) => Buffer.from(text.slice(2), 'hex')],
])
const asIs: Read = (text) => text

/** How columns arrive: whole numbers as numbers, dates and decimals as text. For the `types` option of pg. */
export const columnValues = {
  getTypeParser: (type: number): Read => readers.get(type) ?? asIs,
}

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`The integer ${text} is too large.`)
  return value
}

/** PostgreSQL leaves out trailing zeros of a fraction: `09:05:00` → `09:05:00.000000`. */
function sixDigits(text: string): string {
  const point = text.indexOf('.')
  return point < 0 ? `${text}.000000` : text.padEnd(point + 7, '0')
}
