import { escapeHtml } from '#kernel/templates/plain-text.ts'
import type { PrintLocale } from './locale.ts'

/** Millimetres. */
export interface Paper {
  readonly width: number
  readonly height: number
}

/** Sizes of paper by Frappe's names, upright, in millimetres. */
const papers: Readonly<Record<string, Paper>> = {
  A0: { width: 841, height: 1189 },
  A1: { width: 594, height: 841 },
  A2: { width: 420, height: 594 },
  A3: { width: 297, height: 420 },
  A4: { width: 210, height: 297 },
  A5: { width: 148, height: 210 },
  A6: { width: 105, height: 148 },
  A7: { width: 74, height: 105 },
  A8: { width: 52, height: 74 },
  A9: { width: 37, height: 52 },
  B0: { width: 1000, height: 1414 },
  B1: { width: 707, height: 1000 },
  B2: { width: 500, height: 707 },
  B3: { width: 353, height: 500 },
  B4: { width: 250, height: 353 },
  B5: { width: 176, height: 250 },
  B6: { width: 125, height: 176 },
  B7: { width: 88, height: 125 },
  B8: { width: 62, height: 88 },
  B9: { width: 44, height: 62 },
  B10: { width: 31, height: 44 },
  C5E: { width: 163, height: 229 },
  Comm10E: { width: 105, height: 241 },
  DLE: { width: 110, height: 220 },
  Executive: { width: 190.5, height: 254 },
  Folio: { width: 210, height: 330 },
  Ledger: { width: 431.8, height: 279.4 },
  Legal: { width: 215.9, height: 355.6 },
  Letter: { width: 215.9, height: 279.4 },
  Tabloid: { width: 279.4, height: 431.8 },
}

/** A size by its name, or the given millimetres for `Custom`; A4 for what is unknown. */
export function paperOf(name: string, custom: Paper): Paper {
  const isUsable = custom.width >= 20 && custom.height >= 20 && custom.width <= 2000 && custom.height <= 2000
  if (name === 'Custom' && isUsable) return custom
  return (Object.hasOwn(papers, name) ? papers[name] : undefined) ?? (papers.A4 as Paper)
}

/** How a page looks, whatever stands on it. */
export interface PageLook {
  readonly paper: Paper
  /** Millimetres: top, right, bottom, left. */
  readonly margins: readonly [number, number, number, number]
  /** `Hide`, or where the number stands: `Bottom Right` … */
  readonly pageNumber: string
  readonly font: string
  /** Points. */
  readonly fontSize: number
  readonly splitsRows: boolean
  /** Of the Print Style, for all that is in the file. */
  readonly css: string
}

/** One document on its pages. */
export interface PageContent {
  readonly title: string
  readonly body: string
  readonly head: string
  readonly foot: string
  /** Head and foot stand on each page, not on the first and last only. */
  readonly repeats: boolean
  readonly alignsLabelsRight: boolean
  readonly rulesSections: boolean
  /** Of head and foot, which are written in the site's language. */
  readonly headDirection: 'rtl' | 'ltr'
  /** Across each page, such as `Draft`. */
  readonly watermark: string
}

const fonts: Readonly<Record<string, string>> = {
  'Helvetica Neue': "'Helvetica Neue', Helvetica, Arial, 'Open Sans'",
  Arial: "Arial, 'Open Sans'",
  Helvetica: "Helvetica, Arial, 'Open Sans'",
  Inter: "Inter, 'Open Sans'",
  Verdana: "Verdana, 'DejaVu Sans'",
  Monospace: "'DejaVu Sans Mono', monospace",
}

/** Styles of a print, for the screen and for paper alike. */
export function pageStyle(look: PageLook, locale: PrintLocale): string {
  const { paper, margins, fontSize } = look
  const family = Object.hasOwn(fonts, look.font) ? fonts[look.font] : "'Open Sans', 'DejaVu Sans'"
  return `${pageRule(look, locale)}
* { box-sizing: border-box }
html { font: ${fontSize}pt/1.45 ${family}, 'Noto Sans', 'DejaVu Sans', sans-serif; color: #1a1f26 }
body { margin: 0; -webkit-print-color-adjust: exact; print-color-adjust: exact }
table { border-collapse: collapse; width: 100% }
.frame > * > tr > td { padding: 0; vertical-align: top }
.frame { table-layout: fixed }
h1 { margin: 0 0 4mm; font-size: 1.75em; line-height: 1.2; overflow-wrap: anywhere } h1 small { display: block; margin-top: 1mm; font-size: .58em; font-weight: normal; color: #5b6673 }
h2 { margin: 0 0 2mm; font-size: 1.12em; break-after: avoid } h3 { margin: 0 0 1.5mm; font-size: 1em; break-after: avoid }
.section { margin-bottom: 5mm } .section:last-child { margin-bottom: 0 }
.ruled .section + .section { border-top: .25mm solid #d5dbe2; padding-top: 4mm }
.columns { display: flex; gap: 8mm; align-items: flex-start } .column { min-width: 0 }
.field { display: flex; gap: 3mm; margin-bottom: 1.2mm; break-inside: avoid }
.field .label { flex: 0 0 38%; color: #5b6673; overflow-wrap: anywhere } .labels-end .field .label { text-align: end }
.field .value { flex: 1 1 0; min-width: 0; overflow-wrap: anywhere }
.field.wide, .stacked .field { display: block; break-inside: auto }
.totals .columns { justify-content: flex-end } .totals .column { flex: 0 0 45% !important } .totals .value { text-align: end; white-space: nowrap }
.totals .label { flex: 1 1 auto } .totals .field:last-child { font-weight: bold; border-top: .3mm solid #1a1f26; padding-top: 1mm } .totals .field:last-child .label { color: inherit }
.rows { margin-bottom: 2mm; font-size: .94em }
.rows th { text-align: start; vertical-align: bottom; padding: 1.4mm 2mm; color: #5b6673; border-bottom: .35mm solid #1a1f26 }
.rows td { padding: 1.4mm 2mm; vertical-align: top; border-bottom: .2mm solid #d5dbe2; overflow-wrap: anywhere }
.rows .number { text-align: right; white-space: nowrap; overflow-wrap: normal } .rows .index { width: 8mm; color: #5b6673 }
${look.splitsRows ? '' : '.rows tr { break-inside: avoid }'}
.rich p, .own p { margin: 0 0 2mm } .lines { white-space: pre-line; margin: 0 } .rich img, .own img { max-width: 100% }
pre { white-space: pre-wrap; font-family: 'DejaVu Sans Mono', monospace; font-size: .9em; margin: 0 }
.picture { max-width: 100%; max-height: 60mm } .swatch { display: inline-block; width: 3mm; height: 3mm; border: .2mm solid #999 }
.second { color: #5b6673; font-weight: normal } .second::before { content: "/ " } .code { margin-bottom: 2mm; break-inside: avoid }
hr { border: 0; border-top: .25mm solid #d5dbe2; margin: 3mm 0 } .space { height: 6mm } .new-page, .page-break { break-before: page }
.letter-head { margin-bottom: 6mm } .letter-head img, .letter-foot img { max-width: 100% } .letter-foot { padding-top: 4mm; font-size: .85em; color: #5b6673 }
.letter-head p, .letter-foot p { margin: 0 }
.foot-space { visibility: hidden } .foot-fixed { position: fixed; bottom: 0; left: 0; right: 0 }
.watermark { position: fixed; inset: 0; display: flex; align-items: center; justify-content: center; pointer-events: none; font-size: 84pt; font-weight: bold; color: rgb(90 102 115 / .16); transform: rotate(-35deg) }
.state { margin-bottom: 3mm; text-align: end; font-weight: bold; text-transform: uppercase; letter-spacing: .1em; color: #b3261e }
.document + .document { break-before: page }
[dir=rtl] .value, [dir=rtl] .rows td, [dir=rtl] .lines, [dir=rtl] .rich p { unicode-bidi: plaintext; text-align: right } [dir=rtl] .rows .number, [dir=rtl] .totals .value { text-align: left }
@media screen {
  html { background: #e9edf1 }
  body { margin: 6mm auto; width: ${paper.width}mm; max-width: 100%; min-height: ${paper.height}mm; padding: ${margins.map((margin) => `${margin}mm`).join(' ')}; background: #fff; position: relative }
  .foot-fixed { display: none } .foot-space { visibility: visible } .watermark { position: absolute }
}
${asStyle(look.css)}`
}

/** Styles of a format, for its own documents only where there are others. */
export function formatStyle(css: string, scope: string): string {
  if (css.trim() === '') return ''
  return scope === '' ? asStyle(css) : `@scope (.${scope}) {\n${asStyle(css)}\n}`
}

function pageRule({ paper, margins, pageNumber, fontSize }: PageLook, locale: PrintLocale): string {
  const box = boxOf(pageNumber, locale.direction)
  const number =
    box === ''
      ? ''
      : `@${box} { content: ${numberContent(locale)}; font: ${Math.max(fontSize - 2, 6)}pt 'Open Sans', 'DejaVu Sans', sans-serif; color: #5b6673 }`
  return `@page { size: ${paper.width}mm ${paper.height}mm; margin: ${margins.map((margin) => `${margin}mm`).join(' ')}; ${number} }`
}

function boxOf(pageNumber: string, direction: 'rtl' | 'ltr'): string {
  const [edge = '', side = ''] = pageNumber.toLowerCase().split(' ')
  if ((edge !== 'top' && edge !== 'bottom') || !['left', 'center', 'right'].includes(side)) return ''
  const mirrored = direction === 'rtl' && side !== 'center' ? (side === 'left' ? 'right' : 'left') : side
  return `${edge}-${mirrored}`
}

function numberContent(locale: PrintLocale): string {
  return locale
    .text('Page {page} of {pages}')
    .split(/(\{pages?\})/)
    .filter((part) => part !== '')
    .map((part) => (part === '{page}' ? 'counter(page)' : part === '{pages}' ? 'counter(pages)' : cssText(part)))
    .join(' ')
}

function cssText(text: string): string {
  return `"${text.replaceAll(/["\\\n<]/g, (character) => `\\${character.charCodeAt(0).toString(16)} `)}"`
}

/** Styles that cannot end the element they stand in. */
function asStyle(css: string): string {
  return css.replaceAll(/<(?=\/|!)/g, '\\3c ')
}

/** How the documents of one file go together. */
export interface Together {
  /** One document, once: its mark goes across the page. Among others it stands above the letter head. */
  readonly isAlone: boolean
  /** All have the same foot, so that one can stand at the end of each page. */
  readonly sharesFoot: boolean
}

/** One document as it stands in the body of a page. @param scope class name by which styles find it */
export function documentHtml(content: PageContent, { isAlone, sharesFoot }: Together, scope: string, locale: PrintLocale): string {
  const { body, repeats, watermark } = content
  const names = ['document', scope, content.rulesSections && 'ruled', content.alignsLabelsRight && 'labels-end'].filter(Boolean).join(' ')
  const facts = `class="${names}" lang="${escapeHtml(locale.language)}" dir="${locale.direction}"`
  const state = watermark === '' || isAlone ? '' : `<div class="state">${escapeHtml(watermark)}</div>`
  const mark = watermark === '' || !isAlone ? '' : `<div class="watermark" aria-hidden="true">${escapeHtml(watermark)}</div>`
  const headHtml = (content.head === '' ? '' : `<div class="letter-head" dir="${content.headDirection}">${content.head}</div>`) + state
  const footHtml = footHtmlOf(content)
  const ownFoot = repeats && sharesFoot ? '' : footHtml
  const heldFoot = repeats && sharesFoot ? footHtml : ''
  if (!repeats || (headHtml === '' && heldFoot === '')) return `<div ${facts}>${headHtml}${body}${ownFoot}</div>${mark}`
  // A table's head and foot are repeated on each page: the foot keeps the room, and what is fixed is drawn in it at the page's end.
  return `<table role="presentation" ${facts.replace('class="', 'class="frame ')}>
${headHtml === '' ? '' : `<thead><tr><td>${headHtml}</td></tr></thead>`}
${heldFoot === '' ? '' : `<tfoot><tr><td><div class="foot-space">${heldFoot}</div></td></tr></tfoot>`}
<tbody><tr><td>${body}${ownFoot}</td></tr></tbody></table>${mark}`
}

/** The foot that each page ends with. */
export function fixedFoot(content: PageContent): string {
  return content.foot === '' ? '' : `<div class="foot-fixed">${footHtmlOf(content)}</div>`
}

function footHtmlOf({ foot, headDirection }: PageContent): string {
  return foot === '' ? '' : `<div class="letter-foot" dir="${headDirection}">${foot}</div>`
}

/** A whole page of HTML. */
export function pageHtml(title: string, style: string, body: string, locale: PrintLocale): string {
  return `<!doctype html>
<html lang="${escapeHtml(locale.language)}" dir="${locale.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`
}
