import { createRequire } from 'node:module'
import { TrustedHtml } from '#kernel/templates/trusted-html.ts'
import { BarcodeInvalid } from './errors.ts'

/** Kinds of codes, with the longest text that one holds. */
const barcodeKinds = {
  code128: 140,
  code39: 80,
  ean13: 13,
  ean8: 8,
  upca: 12,
  itf14: 14,
  qrcode: 1200,
  datamatrix: 1200,
  pdf417: 1000,
  azteccode: 1200,
} as const
export type BarcodeKind = keyof typeof barcodeKinds

const square = new Set<BarcodeKind>(['qrcode', 'datamatrix', 'azteccode'])

/** Whether a name is one of a kind of code. */
export function isBarcodeKind(kind: string): kind is BarcodeKind {
  return Object.hasOwn(barcodeKinds, kind)
}

/** Millimetres and looks. */
export interface BarcodeOptions {
  /** Height in mm; of square codes the side. Default 12, square 25. */
  height?: number
  /** The text stands under the bars (default; never with square codes). */
  showsText?: boolean
}

/**
 * A bar or QR code as SVG, which stays sharp on every printer.
 * @throws BarcodeInvalid when the text is empty, too long, or not of the kind's alphabet or check digit
 */
export function barcodeSvg(text: string, kind: BarcodeKind, { height, showsText = true }: BarcodeOptions = {}): TrustedHtml {
  if (text === '') throw new BarcodeInvalid({ field: 'text', kind, reason: 'it is empty' })
  if (text.length > barcodeKinds[kind])
    throw new BarcodeInvalid({ field: 'text', kind, reason: `it has more than ${barcodeKinds[kind]} characters` })
  // Loaded with the first code: most prints have none.
  const { toSVG } = createRequire(import.meta.url)('bwip-js/node') as typeof import('bwip-js/node')
  const isSquare = square.has(kind)
  const side = Math.min(Math.max(height ?? (isSquare ? 25 : 12), 4), 200)
  let svg: string
  try {
    svg = toSVG({
      bcid: kind,
      text,
      scale: 2,
      includetext: showsText && !isSquare,
      textxalign: 'center',
      ...(!isSquare && { height: side }),
    })
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replace(/^.*?:\s*/, '').slice(0, 200)
    throw new BarcodeInvalid({ field: 'text', kind, reason }, { cause: error })
  }
  const box = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)
  const ratio = box ? Number(box[1]) / Number(box[2]) : 1
  const size = isSquare ? `width:${side}mm;height:${side}mm` : `height:${side + 4}mm;width:${Math.round((side + 4) * ratio * 10) / 10}mm`
  return new TrustedHtml(svg.replace('<svg', `<svg class="barcode" role="img" style="${size};max-width:100%"`))
}

/** As `barcodeSvg`; what no scanner could read stays the text it is, so that one bad value does not spoil a whole print. */
export function barcodeOrText(text: string, kind: BarcodeKind, options: BarcodeOptions = {}): TrustedHtml | string {
  try {
    return barcodeSvg(text, kind, options)
  } catch (error) {
    if (!BarcodeInvalid.is(error)) throw error
    return text
  }
}

/** What a Barcode field holds: the text itself, or Frappe's drawing, which names it. */
export function barcodeText(stored: string): string {
  return /data-barcode-value="([^"]{1,1200})"/.exec(stored)?.[1] ?? stored
}
