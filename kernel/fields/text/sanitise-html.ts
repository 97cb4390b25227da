/**
 * Keeps of HTML what formats text, and drops what runs, loads or covers the page. Nothing of the input is passed on as it stands: every
 * tag is written anew from an allow-list, text is escaped, and tags are balanced, so that what browsers read is what was checked here.
 * Elements that hold no formatted text (script, style, svg, iframe …) go with their content; other unknown tags go, their text stays.
 * Takes time in proportion to the text; doing it twice changes nothing.
 */
export function sanitiseHtml(html: string): string {
  if (!html.includes('<')) return html
  const output: string[] = []
  const open: string[] = []
  let at = 0
  while (at < html.length) {
    const tagAt = html.indexOf('<', at)
    output.push(escapeText(tagAt < 0 ? html.slice(at) : html.slice(at, tagAt)))
    if (tagAt < 0) break
    const token = readTag(html, tagAt)
    at = token.end
    if (token.kind === 'text') output.push('&lt;')
    else if (token.kind === 'close') closeTag(token.name, open, output)
    else if (token.kind === 'open' && withContent.has(token.name)) at = afterElement(html, at, token.name)
    else if (token.kind === 'open' && allowed.has(token.name)) openTag(token, open, output)
  }
  while (open.length > 0) output.push(`</${open.pop()}>`)
  return output.join('')
}

const voids = new Set(['br', 'hr', 'img', 'col'])
const allowed = new Set([
  ...voids,
  ...(
    'a abbr address article aside b bdi bdo big blockquote caption center cite code colgroup dd del details dfn div dl dt em figcaption figure ' +
    'font footer h1 h2 h3 h4 h5 h6 header i ins kbd li mark ol p pre q s samp section small span strike strong sub summary sup table tbody td ' +
    'tfoot th thead time tr tt u ul var'
  ).split(' '),
])
const withContent = new Set([
  'script',
  'style',
  'iframe',
  'object',
  'embed',
  'applet',
  'noscript',
  'noembed',
  'noframes',
  'template',
  'svg',
  'math',
  'textarea',
  'title',
  'xmp',
  'plaintext',
  'select',
  'head',
  'frameset',
  'audio',
  'video',
  'canvas',
])
const plainAttributes = new Set([
  'class',
  'title',
  'alt',
  'dir',
  'lang',
  'align',
  'valign',
  'width',
  'height',
  'colspan',
  'rowspan',
  'scope',
  'start',
  'reversed',
  'type',
  'value',
  'color',
  'face',
  'size',
  'border',
  'cellpadding',
  'cellspacing',
  'bgcolor',
  'datetime',
  'open',
  'target',
  'span',
])
/** Nesting beyond this is flattened; browsers have limits of their own. */
const deepest = 200

type Token =
  | { kind: 'text' | 'nothing'; end: number }
  | { kind: 'close'; name: string; end: number }
  | { kind: 'open'; name: string; attributes: [name: string, value: string][]; end: number }

/** What the `<` at this place begins. A tag that never ends takes the rest with it, as in browsers. */
function readTag(html: string, start: number): Token {
  const next = html[start + 1] ?? ''
  if (next === '!' || next === '?') {
    const isComment = html.startsWith('<!--', start)
    const end = isComment ? html.indexOf('-->', start + 4) : html.indexOf('>', start)
    return { kind: 'nothing', end: end < 0 ? html.length : end + (isComment ? 3 : 1) }
  }
  const isClose = next === '/'
  const nameAt = start + (isClose ? 2 : 1)
  if (!/[a-z]/i.test(html[nameAt] ?? '')) return { kind: 'text', end: start + 1 }
  let at = skip(html, nameAt, (char) => !isSpace(char) && char !== '/' && char !== '>')
  const name = html.slice(nameAt, at).toLowerCase()
  const attributes: [string, string][] = []
  for (;;) {
    at = skip(html, at, (char) => isSpace(char) || char === '/')
    if (at >= html.length) return { kind: 'nothing', end: html.length }
    if (html[at] === '>') return isClose ? { kind: 'close', name, end: at + 1 } : { kind: 'open', name, attributes, end: at + 1 }
    const attributeAt = at
    // A leading `=` belongs to the name.
    at = skip(html, at + 1, (char) => !isSpace(char) && char !== '/' && char !== '>' && char !== '=')
    const attribute = html.slice(attributeAt, at).toLowerCase()
    at = skip(html, at, isSpace)
    let value = ''
    if (html[at] === '=') {
      at = skip(html, at + 1, isSpace)
      const quote = html[at]
      if (quote === '"' || quote === "'") {
        const close = html.indexOf(quote, at + 1)
        if (close < 0) return { kind: 'nothing', end: html.length }
        value = html.slice(at + 1, close)
        at = close + 1
      } else {
        const valueAt = at
        at = skip(html, at, (char) => !isSpace(char) && char !== '>')
        value = html.slice(valueAt, at)
      }
    }
    attributes.push([attribute, value])
  }
}

function skip(html: string, from: number, goes: (char: string) => boolean): number {
  let at = from
  while (at < html.length && goes(html[at] as string)) at++
  return at
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\n' || char === '\t' || char === '\r' || char === '\f'
}

/** The place behind the element's end tag; without one, the rest belongs to it. */
function afterElement(html: string, from: number, name: string): number {
  if (name === 'embed') return from
  const end = new RegExp(`</${name}(?=[\\s/>])`, 'gi')
  end.lastIndex = from
  const found = end.exec(html)
  if (!found) return html.length
  const close = html.indexOf('>', found.index)
  return close < 0 ? html.length : close + 1
}

function openTag(token: { name: string; attributes: [string, string][] }, open: string[], output: string[]): void {
  if (open.length >= deepest) return
  const kept = new Map<string, string>()
  for (const [attribute, raw] of token.attributes) {
    if (kept.has(attribute)) continue
    const value = keptValue(token.name, attribute, decode(raw))
    if (value !== undefined) kept.set(attribute, value)
  }
  // A page opened elsewhere must not steer this one.
  if (kept.has('target')) kept.set('rel', 'noopener noreferrer')
  output.push(`<${token.name}${[...kept].map(([attribute, value]) => ` ${attribute}="${escapeAttribute(value)}"`).join('')}>`)
  if (!voids.has(token.name)) open.push(token.name)
}

function closeTag(name: string, open: string[], output: string[]): void {
  if (!open.includes(name)) return
  let last: string | undefined
  do {
    last = open.pop()
    output.push(`</${last}>`)
  } while (last !== name)
}

function keptValue(tag: string, attribute: string, value: string): string | undefined {
  if (plainAttributes.has(attribute) || /^(?:data|aria)-[a-z][a-z0-9-]*$/.test(attribute)) return value
  if (attribute === 'style') return safeStyle(value) || undefined
  if ((attribute === 'href' && tag === 'a') || (attribute === 'cite' && tag === 'blockquote'))
    return isSafeAddress(value, linkSchemes) ? value : undefined
  if (attribute === 'src' && tag === 'img') return isSafeAddress(value, imageSchemes) || isPicture(value) ? value : undefined
  return undefined
}

const linkSchemes = new Set(['http', 'https', 'mailto', 'tel', 'sms', 'ftp'])
const imageSchemes = new Set(['http', 'https', 'cid'])

/** Whether an address is relative or of one of the schemes. Browsers skip control characters and blanks inside a scheme; so does this. */
function isSafeAddress(value: string, schemes: ReadonlySet<string>): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what an attacker would put into the scheme
  const bare = value.replace(/[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff]+/g, '')
  const end = bare.search(/[:/?#\\]/)
  return end < 0 || bare[end] !== ':' || schemes.has(bare.slice(0, end).toLowerCase())
}

function isPicture(value: string): boolean {
  return /^data:image\/(?:png|gif|jpe?g|webp);base64,[A-Za-z0-9+/=\s]*$/.test(value)
}

const styleProperty =
  /^(?:color|background-color|font(?:-family|-size|-style|-weight)?|text-(?:align|decoration|indent|transform)|line-height|letter-spacing|white-space|vertical-align|list-style-type|(?:max-|min-)?(?:width|height)|(?:margin|padding|border)(?:-(?:top|right|bottom|left))?(?:-(?:color|style|width))?|border-collapse|border-radius|float|display)$/

function safeStyle(style: string): string {
  const kept: string[] = []
  for (const declaration of style.split(';')) {
    const colon = declaration.indexOf(':')
    const property = declaration.slice(0, colon).trim().toLowerCase()
    const value = declaration.slice(colon + 1).trim()
    // Negative lengths would move text over other parts of the page.
    const isPlain =
      /^[\w\s#%.,()'"!+-]*$/.test(value) && !/(?:^|[\s(,])-/.test(value) && !/(?:url|expression|image|attr|var|env|paint)\s*\(/i.test(value)
    if (colon > 0 && styleProperty.test(property) && isPlain && value !== '') kept.push(`${property}: ${value}`)
  }
  return kept.join('; ')
}

const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  colon: ':',
  tab: '\t',
  newline: '\n',
  sol: '/',
  lpar: '(',
  rpar: ')',
  num: '#',
}

/** An attribute's value as browsers read it: with its character references replaced, also those without a semicolon. */
function decode(value: string): string {
  if (!value.includes('&')) return value
  return value.replace(/&(?:#x([0-9a-f]{1,8})|#(\d{1,8})|([a-z]{2,8}));?/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name) return named[name.toLowerCase()] ?? whole
    const code = hex ? Number.parseInt(hex, 16) : Number(decimal)
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : ''
  })
}

function escapeAttribute(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Text between tags; character references stay as they are, because they can only become text. */
function escapeText(text: string): string {
  return text.replaceAll('>', '&gt;')
}
