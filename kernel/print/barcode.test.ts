import assert from 'node:assert/strict'
import { test } from 'node:test'
import { barcodeOrText, barcodeSvg, barcodeText } from './barcode.ts'
import { BarcodeInvalid } from './errors.ts'

test('codes of each kind are drawn, and texts cannot leave their picture', () => {
  for (const [kind, text] of [
    ['code128', 'A-1 <b>'],
    ['ean13', '4006381333931'],
    ['qrcode', 'https://example.com/ä'],
    ['datamatrix', 'x'],
  ] as const) {
    const { html } = barcodeSvg(text, kind)
    assert.match(html, /^<svg class="barcode"/, kind)
    assert.doesNotMatch(html, /<b>|script/)
  }
  assert.notEqual(barcodeSvg('A', 'qrcode').html, barcodeSvg('B', 'qrcode').html)
})

test('what a kind cannot hold is refused, or stays text', () => {
  assert.throws(() => barcodeSvg('4006381333930', 'ean13'), BarcodeInvalid.is)
  assert.throws(() => barcodeSvg('', 'code128'), BarcodeInvalid.is)
  assert.throws(() => barcodeSvg('x'.repeat(2000), 'qrcode'), BarcodeInvalid.is)
  assert.equal(barcodeOrText('no digits', 'ean13'), 'no digits')
})

test('a Barcode field holds a text, or a drawing that names it', () => {
  assert.equal(barcodeText('ABC'), 'ABC')
  assert.equal(barcodeText('<svg data-barcode-value="ABC"><rect/></svg>'), 'ABC')
})
