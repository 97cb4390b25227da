const names: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', ndash: '–', mdash: '—' }
const blocks = new Set('p div tr table ul ol h1 h2 h3 h4 h5 h6 blockquote pre section article header footer'.split(' '))
const hidden = new Set(['script', 'style', 'head', 'title', 'template', 'noscript'])

/**
 * HTML as people read it without markup: blocks on lines of their own, list items with a dash, links followed by their address.
 * Takes time in proportion to the text.
 */
export function plainText(html: string): string {
  const out: string[] = []
  let link = ''
  let linkStart = 0
  let skip = ''
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (skip === '') out.push(decodeEntities((open < 0 ? html.slice(at) : html.slice(at, open)).replaceAll(/[^\S\u00a0]+/g, ' ')))
    if (open < 0) break
    const close = html.startsWith('<!--', open) ? endOf(html, '-->', open + 4) : endOf(html, '>', open + 1)
    const tag = /^<(\/?)([a-z][a-z0-9]*)/i.exec(html.slice(open, Math.min(close, open + 40)))
    at = close
    if (!tag) continue
    const name = (tag[2] ?? '').toLowerCase()
    const isEnd = tag[1] === '/'
    if (skip !== '') {
      if (isEnd && name === skip) skip = ''
      continue
    }
    if (hidden.has(name) && !isEnd) skip = name
    else if (name === 'br') out.push('\n')
    else if (name === 'hr') out.push('\n---\n')
    else if (name === 'li' && !isEnd) out.push('\n- ')
    else if ((name === 'td' || name === 'th') && isEnd) out.push('\t')
    else if (name === 'a' && !isEnd) {
      link = hrefOf(html.slice(open, close))
      linkStart = out.length
    } else if (name === 'a' && link !== '') {
      const shown = out.slice(linkStart).join('').trim()
      if (shown !== link) out.push(` (${link})`)
      link = ''
    } else if (blocks.has(name)) out.push(isEnd ? '\n\n' : '\n')
  }
  return out
    .join('')
    .split('\n')
    .map((line) => line.replaceAll(/ {2,}/g, ' ').trim())
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()
}

/** Plain text as HTML: escaped, with its lines kept. */
export function htmlOfText(text: string): string {
  return escapeHtml(text).replaceAll(/\r?\n/g, '<br>\n')
}

/** Text that stands in HTML for itself, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function endOf(html: string, mark: string, from: number): number {
  const end = html.indexOf(mark, from)
  return end < 0 ? html.length : end + mark.length
}

function hrefOf(tag: string): string {
  const match = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(tag)
  const href = decodeEntities(match?.[1] ?? match?.[2] ?? '')
  return /^(https?:|mailto:)/i.test(href) ? href.replace(/^mailto:/i, '') : ''
}

function decodeEntities(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,6}));/gi, (whole, decimal, hex, name) => {
    if (name) return names[String(name).toLowerCase()] ?? whole
    const code = decimal ? Number(decimal) : Number.parseInt(String(hex), 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code).toWellFormed() : ''
  })
}
