import { TableTooLarge, TableUnreadable } from './errors.ts'

/** Characters that one element (a row, a shared string) may take. */
const longestElement = 4_000_000

/** An element as it stands in the text. */
export interface RawElement {
  readonly attributes: string
  readonly inner: string
}

/**
 * The elements of one name, one at a time, from a text that comes in pieces: what a sheet is made of, without building a tree of it.
 * They must not be nested in each other. A name may carry a prefix.
 * @throws TableUnreadable, TableTooLarge
 */
export async function* elements(texts: AsyncIterable<string>, name: string): AsyncGenerator<RawElement> {
  let buffer = ''
  let opening: RegExp | undefined
  for await (const text of texts) {
    buffer += text
    // Declarations come before the root element.
    if (!opening && /<!(?:DOCTYPE|ENTITY)/.test(buffer)) throw unreadable('it declares entities, which no workbook does.')
    opening ??= openingOf(buffer, name)
    if (!opening) {
      if (buffer.length > longestElement) throw unreadable('its XML is not that of a workbook.')
      continue
    }
    let at = 0
    for (;;) {
      opening.lastIndex = at
      const found = opening.exec(buffer)
      if (!found) break
      const end = buffer.indexOf('>', found.index)
      if (end < 0) break
      if (buffer[end - 1] === '/') {
        yield { attributes: buffer.slice(opening.lastIndex, end - 1), inner: '' }
        at = end + 1
        continue
      }
      const closing = `</${found[1]}>`
      const close = buffer.indexOf(closing, end)
      if (close < 0) break
      yield { attributes: buffer.slice(opening.lastIndex, end), inner: buffer.slice(end + 1, close) }
      at = close + closing.length
    }
    buffer = buffer.slice(at)
    // What is no beginning of such an element need not be kept, but for a tag that was cut in two.
    opening.lastIndex = 0
    const next = opening.exec(buffer)
    if (next) buffer = buffer.slice(next.index)
    else buffer = buffer.slice(Math.max(0, buffer.lastIndexOf('<')))
    if (buffer.length > longestElement)
      throw new TableTooLarge({ field: 'file', row: 0, reason: `one row or text of it has more than ${longestElement} characters.` })
  }
}

/** Elements of one name within a text that is there already, in order. */
export function* within(text: string, name: string): Generator<RawElement> {
  const opening = openingAnywhere(name)
  for (let at = 0; ; ) {
    // Shared by all that look for the name, who may take turns.
    opening.lastIndex = at
    const found = opening.exec(text)
    if (!found) return
    const start = opening.lastIndex
    const end = text.indexOf('>', start)
    if (end < 0) throw unreadable('a tag is not closed.')
    if (text[end - 1] === '/') {
      yield { attributes: text.slice(start, end - 1), inner: '' }
      at = end + 1
      continue
    }
    const closing = `</${found[1]}>`
    const close = text.indexOf(closing, end)
    if (close < 0) throw unreadable('an element is not closed.')
    yield { attributes: text.slice(start, end), inner: text.slice(end + 1, close) }
    at = close + closing.length
  }
}

const openings = new Map<string, RegExp>()

/** Building one for each cell would cost more than reading it. The names are those of the format, a dozen. */
function openingAnywhere(name: string): RegExp {
  const known = openings.get(name)
  if (known) return known
  const made = new RegExp(`<((?:[\\w.-]+:)?${name})(?=[\\s/>])`, 'g')
  openings.set(name, made)
  return made
}

/** An attribute's value; undefined when it is not there. */
export function attribute(attributes: string, name: string): string | undefined {
  const found = attributeShape(name).exec(attributes)
  return found ? unescaped(found[1] ?? found[2] ?? '') : undefined
}

const shapes = new Map<string, RegExp>()

function attributeShape(name: string): RegExp {
  const known = shapes.get(name)
  if (known) return known
  const made = new RegExp(`(?:^|\\s)(?:[\\w.-]+:)?${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`)
  shapes.set(name, made)
  return made
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Text as the XML means it; `_xHHHH_` is how sheets write control characters. */
export function unescaped(text: string): string {
  const plain = text.includes('&')
    ? text.replace(/&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(\w{1,8}));/g, (whole, decimal?: string, hex?: string, name?: string) => {
        if (name !== undefined) return named[name] ?? whole
        const point = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal)
        return point <= 0x10ffff ? String.fromCodePoint(point) : whole
      })
    : text
  return plain.includes('_x')
    ? plain.replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : plain
}

function openingOf(buffer: string, name: string): RegExp | undefined {
  // The prefix, if any, is that of the root element.
  const root = /<((?:[\w.-]+:)?)[A-Za-z][\w.-]*[\s>/]/.exec(buffer)
  return root ? new RegExp(`<(${(root[1] as string).replaceAll('.', '\\.')}${name})(?=[\\s/>])`, 'g') : undefined
}

function unreadable(reason: string): Error {
  return new TableUnreadable({ field: 'file', row: 0, reason })
}
