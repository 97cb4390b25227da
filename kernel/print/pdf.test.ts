import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, suite, test } from 'node:test'
import { pdfPages, pixel } from '#testing/print-world.ts'
import { endBrowser, withBrowser } from './browser.ts'
import { PdfTimedOut, PdfUnavailable } from './errors.ts'
import { htmlToPdf } from './pdf.ts'

suite('PDF', () => {
  after(endBrowser)

  test('a page becomes a PDF with its paper, its texts and its numbers of pages', async () => {
    const pdf = await htmlToPdf(
      '<!doctype html><style>@page { size: 100mm 80mm; margin: 12mm; @bottom-center { content: counter(page) "/" counter(pages) } } p { break-after: page }</style><p>Grüße</p><p>مرحبا</p>end',
    )
    const pages = await pdfPages(pdf)
    assert.equal(pages.length, 3)
    assert.match(pages[0] ?? '', /1\/3.*Grüße/)
    assert.match(pages[2] ?? '', /3\/3.*end/)
    assert.match(Buffer.from(pdf).toString('latin1'), /\/MediaBox \[0 0 28[23](\.\d+)? 22[67]/)
  })

  test('the same page makes the same bytes', async () => {
    const page = '<!doctype html><title>t</title><h1>One</h1><table><tr><th>a<td>1</table>'
    const [first, , third] = [await htmlToPdf(page, { made: 5 }), await htmlToPdf('<p>other'), await htmlToPdf(page, { made: 5 })]
    assert.ok(Buffer.from(first).equals(Buffer.from(third)))
    assert.ok(!Buffer.from(first).equals(Buffer.from(await htmlToPdf(page, { made: 90_000 }))))
  })

  test('nothing in a page runs or reaches the network, a local file or another page', async () => {
    const hits: string[] = []
    const listener = createServer((request, response) => {
      hits.push(String(request.url))
      response.end('<p>STOLEN</p>')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => listener.once('listening', resolve))
    const target = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
    const pdf = await htmlToPdf(`<!doctype html><head>
      <base href="${target}/base/"><link rel="stylesheet" href="${target}/style"><link rel="preconnect" href="${target}"><link rel="prefetch" href="${target}/prefetch">
      <link rel="icon" href="${target}/icon"><meta http-equiv="refresh" content="0;url=${target}/refresh">
      <style>@import url(${target}/import); @font-face { font-family: f; src: url(${target}/font) } body { background: url(${target}/background); font-family: f }</style></head>
      <body>HERE<img src="${target}/img"><img src="http://169.254.169.254/latest/meta-data/"><img src="file:///etc/passwd">
      <iframe src="file:///etc/passwd"></iframe><iframe src="${target}/frame"></iframe><iframe srcdoc="<p>INNER</p><script src='${target}/inner'></script>"></iframe>
      <object data="file:///etc/passwd"></object><embed src="${target}/embed"><video src="${target}/video" poster="${target}/poster"></video>
      <svg width="9" height="9"><image href="${target}/svg"/><use href="file:///etc/passwd#a"/></svg>
      <script>document.body.append('RAN'); fetch('${target}/fetch'); new WebSocket('ws://127.0.0.1:1/'); navigator.sendBeacon('${target}/beacon')</script>
      <img src="x" onerror="document.body.append('RAN')"><form action="${target}/form"><input autofocus onfocus="submit()"></form></body>`)
    listener.close()
    const text = (await pdfPages(pdf)).join(' ')
    assert.match(text, /HERE/)
    assert.doesNotMatch(text, /RAN|STOLEN|root:/)
    assert.deepEqual(hits, [])
  })

  test('a page shows the files that it was given, and no others', async () => {
    const page = '<img src="/files/a%20b.png"><img src="/files/other.png">'
    const files = new Map([['/files/a b.png', { type: 'image/png', content: await pixel() }]])
    // The picture is 40 pixels wide; those that are missing leave their place empty.
    const images = (pdf: Uint8Array) =>
      [
        ...Buffer.from(pdf)
          .toString('latin1')
          .matchAll(/\/Width 40\b/g),
      ].length
    assert.equal(images(await htmlToPdf(page, { files })), 1)
    assert.equal(images(await htmlToPdf(page)), 0)
  })

  test('two are made at a time, and all who ask get theirs', async () => {
    const pages = await Promise.all(Array.from({ length: 6 }, async (_, index) => pdfPages(await htmlToPdf(`<p>number ${index}`))))
    assert.deepEqual(
      pages.map(([page]) => page?.trim()),
      Array.from({ length: 6 }, (_, index) => `number ${index}`),
    )
  })

  test('what takes too long is given up, also while it waits, and the next one works', async () => {
    const blocked = [1, 2].map(() => withBrowser(1_500, () => new Promise<never>(() => undefined)))
    const settled = Promise.allSettled(blocked)
    const waiting = htmlToPdf('<p>x', { timeoutMs: 200 })
    await assert.rejects(waiting, PdfTimedOut.is)
    for (const outcome of await settled) assert.ok(outcome.status === 'rejected' && PdfTimedOut.is(outcome.reason))
    assert.deepEqual(await pdfPages(await htmlToPdf('<p>after')), ['after'])
  })

  test('a browser that dies takes its work along, and the next one gets another', async () => {
    const dying = withBrowser(20_000, async (context) => {
      context.browser().process()?.kill('SIGKILL')
      await (await context.newPage()).goto('about:blank')
    })
    await assert.rejects(dying)
    assert.deepEqual(await pdfPages(await htmlToPdf('<p>again')), ['again'])
  })

  test('a browser that does not start is told in words', async () => {
    await endBrowser()
    process.env.ORC_CHROMIUM = '/nowhere/chromium'
    try {
      await assert.rejects(htmlToPdf('<p>x'), PdfUnavailable.is)
    } finally {
      delete process.env.ORC_CHROMIUM
    }
    assert.deepEqual(await pdfPages(await htmlToPdf('<p>x')), ['x'])
  })
})
