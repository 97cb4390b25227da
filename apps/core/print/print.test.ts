import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, suite, test } from 'node:test'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { cancel, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { receiveStream } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { endBrowser } from '#kernel/print/browser.ts'
import { FormatInvalid, LayoutInvalid, LetterHeadUnknown, PrintFormatUnknown, PrintRefused } from '#kernel/print/errors.ts'
import { printHtml, printManyPdf, printPdf, type PrintRequest } from '#kernel/print/print-document.ts'
import { ScriptRefused } from '#kernel/scripts/errors.ts'
import { writeConfig } from '#kernel/sites/config-file.ts'
import { pdfPages, pixel, printWorld } from '#testing/print-world.ts'
import { testSite } from '#testing/site.ts'

const site = await testSite()
const { invoice } = await printWorld(site)
const about = (name: string, more: Partial<PrintRequest> = {}): PrintRequest => ({ doctype: 'Test Invoice', name, ...more })
const html = (user: string, request: PrintRequest) => site.as(user, (ctx) => printHtml(ctx, request))
const settings = (values: Record<string, unknown>) => site.asSystem((ctx) => setValue(ctx, 'Print Settings', 'Print Settings', values))

/** Paths of drawings hold numbers of every kind. */
const withoutDrawings = (page: string) => page.replaceAll(/<style>.*?<\/style>|<path[^>]*>/gs, '')

suite('prints', () => {
  let name = ''
  let clerk = ''
  before(async () => {
    name = await invoice(3)
    clerk = await site.user('clerk@example.com', ['Desk User'])
    await site.user('stranger@example.com', [])
  })
  after(endBrowser)

  test('a document is drawn from its fields: escaped, sanitised, without what is not for print', async () => {
    const page = await html('Administrator', about(name))
    assert.match(page, /Muster &#38; Söhne &#60;GmbH&#62;/)
    assert.match(page, /Payable within <b>14 days<\/b>/)
    assert.doesNotMatch(page, /<script|alert\(1\)|never printed|not for print|Inner note/)
    assert.match(page, /<svg class="barcode"/)
    assert.match(page, /€\u00a012\.50/)
    assert.match(page, /class="section totals"/)
    assert.match(page, /class="watermark"[^>]*>Draft</)
  })

  test('closed fields are missing and masked ones masked, in tables too', async () => {
    const full = await html('Administrator', about(name))
    assert.match(full, /777\.00/)
    assert.match(full, /42\.5\u00a0%/)
    assert.match(full, /DE02120300000000202051/)
    const page = await html(clerk, about(name))
    assert.doesNotMatch(withoutDrawings(page), /777|42\.5|DE021|Our margin|Cost/)
    assert.match(page, /XXXX/)
  })

  test('who may not read a document, or not print it, is refused', async () => {
    await assert.rejects(html('stranger@example.com', about(name)), PermissionDenied.is)
    await assert.rejects(html('Guest', about(name)), PermissionDenied.is)
    await assert.rejects(html('Administrator', about('INV-99999')), DocumentNotFound.is)
    await site.make('DocType', {
      name: 'Test Unprinted',
      module: 'Core',
      custom: 1,
      fields: [{ fieldname: 'a', fieldtype: 'Data', label: 'A' }],
      permissions: [{ role: 'Desk User', read: 1, print: 0 }],
    })
    const unprinted = await site.make('Test Unprinted', { a: 'x' })
    await assert.rejects(html(clerk, { doctype: 'Test Unprinted', name: unprinted }), PermissionDenied.is)
  })

  test('Print Settings decide about drafts, cancelled documents and their marks', async () => {
    await settings({ allow_print_for_draft: 0 })
    await assert.rejects(html(clerk, about(name)), PrintRefused.is)
    await settings({ allow_print_for_draft: 1, add_draft_heading: 0 })
    assert.doesNotMatch(await html(clerk, about(name)), /class="watermark"/)
    await settings({ add_draft_heading: 1 })
    const other = await invoice(1)
    await site.asSystem(async (ctx) => submit(ctx, await openForWrite(ctx, 'Test Invoice', other)))
    assert.doesNotMatch(await html(clerk, about(other)), /class="watermark"/)
    await site.asSystem(async (ctx) => cancel(ctx, await openForWrite(ctx, 'Test Invoice', other)))
    await assert.rejects(html(clerk, about(other)), PrintRefused.is)
    await settings({ allow_print_for_cancelled: 1 })
    assert.match(await html(clerk, about(other)), /class="watermark"[^>]*>Cancelled</)
  })

  test('a print speaks its reader’s language, and a second one where the format wants it', async () => {
    for (const [language_code, language_name] of [
      ['en', 'English'],
      ['de', 'Deutsch'],
      ['ar', 'العربية'],
    ])
      await site.make('Language', { language_code, language_name })
    for (const [language, source_text, translated_text] of [
      ['de', 'Customer', 'Kunde'],
      ['ar', 'Customer', 'العميل'],
    ])
      await site.make('Translation', { language, source_text, translated_text })
    await site.site.freshen()
    const german = await html(clerk, about(name, { language: 'de' }))
    assert.match(german, /<html lang="de" dir="ltr">/)
    assert.match(german, /Kunde/)
    assert.match(german, /05\.11\.2026/)
    assert.match(german, /€\u00a012,50/)
    const arabic = await html(clerk, about(name, { language: 'ar' }))
    assert.match(arabic, /<html lang="ar" dir="rtl">/)
    assert.match(arabic, /العميل/)
    await site.make('Print Format', {
      name: 'Two tongues',
      doc_type: 'Test Invoice',
      default_print_language: 'de',
      second_print_language: 'en',
    })
    assert.match(
      await html(clerk, about(name, { format: 'Two tongues' })),
      /Kunde <span class="second" lang="en" dir="ltr">Customer<\/span>/,
    )
  })

  test('a template is filled in with what its reader may see, and nothing of it runs', async () => {
    const source = `<h1>{{ 'Customer' | t }} {{ doc.customer }}</h1>{{ doc.margin }}|{{ values.grand_total }}|{{ values.items[0].rate }}|{{ values.items[0].cost }}|
{{ doc.net_total | money: doc.currency }} {{ doc.posting_date | day }} {{ doc.name | qrcode: 20 }} {{ doc.iban }}`
    await site.make('Print Format', {
      name: 'Own',
      doc_type: 'Test Invoice',
      custom_format: 1,
      html: source,
      css: 'h1 { color: red } </style><script>x</script>',
    })
    const page = await html(clerk, about(name, { format: 'Own', language: 'de' }))
    assert.match(
      withoutDrawings(page),
      /<h1>Kunde Muster &#38; Söhne &#60;GmbH&#62;<\/h1>\|<bdi dir="ltr">€\u00a0[\d.]+,\d\d<\/bdi>\|<bdi dir="ltr">€\u00a012,50<\/bdi>\|\|/,
    )
    assert.match(page, /05\.11\.2026 <svg class="barcode"/)
    assert.match(page, /XXXX/)
    assert.doesNotMatch(page, /<\/style><script/)
    const make = (values: object) => site.make('Print Format', { doc_type: 'Test Invoice', custom_format: 1, ...values })
    await assert.rejects(
      make({ name: 'Broken', html: '{{ doc.a | no_such }}' }),
      (error: { field: string }) => FormatInvalid.is(error) && error.field === 'html',
    )
    await assert.rejects(make({ name: 'Script', html: 'x', print_format_type: 'JS' }), FormatInvalid.is)
    await assert.rejects(make({ name: 'Standard', html: 'x' }), FormatInvalid.is)
  })

  test('a layout draws the fields, columns, tables, texts and codes that somebody put there', async () => {
    const layout = {
      sections: [
        {
          label: 'Who',
          columns: [
            {
              width: 2,
              fields: [{ fieldname: 'customer', label: 'Buyer' }, { fieldname: 'gone' }, { type: 'text', text: 'Fixed <words>' }],
            },
            {
              fields: [
                { type: 'barcode', kind: 'qrcode', fieldname: 'name' },
                { type: 'html', html: '<i>{{ doc.currency }}</i>' },
                { type: 'line' },
              ],
            },
          ],
        },
        {
          label: '',
          page_break: 1,
          columns: [
            {
              fields: [
                { fieldname: 'items', table_columns: [{ fieldname: 'idx' }, { fieldname: 'item', width: 70 }, { fieldname: 'cost' }] },
              ],
            },
          ],
        },
      ],
    }
    await site.make('Print Format', {
      name: 'Drawn',
      doc_type: 'Test Invoice',
      show_section_headings: 1,
      format_data: JSON.stringify(layout),
    })
    const page = await html(clerk, about(name, { format: 'Drawn' }))
    assert.match(page, /Buyer.*Fixed &#60;words&#62;.*<svg class="barcode".*<i>EUR<\/i>.*<hr>.*new-page.*width:70%/s)
    assert.doesNotMatch(page, /Cost|Quantity|Rate/)
    const flat = [
      { fieldname: 'customer' },
      { fieldtype: 'Section Break', label: 'Lines' },
      { fieldname: 'items', visible_columns: [{ fieldname: 'qty', print_width: '100px' }] },
    ]
    await site.make('Print Format', { name: 'Old builder', doc_type: 'Test Invoice', format_data: JSON.stringify(flat) })
    assert.match(await html(clerk, about(name, { format: 'Old builder' })), /Quantity/)
    for (const [data, field] of [
      ['{', 'format_data'],
      ['{"sections":[{"columns":[{"fields":[{"type":"barcode","kind":"x"}]}]}]}', 'format_data.sections[0].columns[0].fields[0].kind'],
      ['{"sections":[{"columns":[{"fields":[{"html":"{% x %}"}]}]}]}', 'format_data.sections[0].columns[0].fields[0].html'],
    ])
      await assert.rejects(
        site.make('Print Format', { name: `Bad ${field}`, doc_type: 'Test Invoice', format_data: data }),
        (error: { field: string }) => LayoutInvalid.is(error) && error.field === field,
      )
  })

  test('formats of other DocTypes, disabled and missing ones are refused', async () => {
    await site.make('Print Format', { name: 'For notes', doc_type: 'Note' })
    await site.make('Print Format', { name: 'Off', doc_type: 'Test Invoice', disabled: 1 })
    for (const format of ['For notes', 'Off', 'None'])
      await assert.rejects(html('Administrator', about(name, { format })), PrintFormatUnknown.is, format)
    await assert.rejects(
      site.as(clerk, async (ctx) => save(ctx, await openForWrite(ctx, 'Print Format', 'For notes'), { css: 'x' })),
      PermissionDenied.is,
    )
  })

  test('the default letter head stands on each page, and on none where it is not wanted', async () => {
    const long = await invoice(90)
    await site.make('Letter Head', {
      letter_head_name: 'First',
      is_default: 1,
      content: '<b>First head</b><script>x</script>',
      footer: 'Foot {{ doc.currency }}',
    })
    await site.make('Letter Head', {
      letter_head_name: 'Second',
      is_default: 1,
      content: '<b>Second head</b>',
      footer: 'Foot {{ doc.currency }}',
    })
    const pages = await pdfPages(await site.as(clerk, (ctx) => printPdf(ctx, about(long))))
    assert.ok(pages.length > 2)
    for (const [index, page] of pages.entries()) {
      assert.match(page, /Second head/)
      assert.match(page, /Foot EUR/)
      assert.match(page, /Article/)
      assert.match(page, new RegExp(`Page ${index + 1} of ${pages.length}`))
    }
    assert.match(await html(clerk, about(name, { letterHead: 'First' })), /First head/)
    assert.doesNotMatch(await html(clerk, about(name, { letterHead: false })), /class="letter-head"/)
    await assert.rejects(html(clerk, about(name, { letterHead: 'Nobody' })), LetterHeadUnknown.is)
  })

  test('a PDF holds the pictures that its reader may see, and no others', async () => {
    const store = (isPrivate: boolean, target: string) =>
      site.asSystem(async (ctx) => {
        const received = await receiveStream(ctx.site, Readable.from([await pixel()]), 'picture.png')
        try {
          return String((await storeFile(ctx, received, { isPrivate, attachedTo: { doctype: 'Test Invoice', name: target } })).file_url)
        } finally {
          await received.finish(ctx.site, true)
        }
      })
    const own = await invoice(1)
    await site.asSystem(async (ctx) => setValue(ctx, 'Test Invoice', own, { picture: await store(true, own) }))
    const count = (pdf: Uint8Array) =>
      [
        ...Buffer.from(pdf)
          .toString('latin1')
          .matchAll(/\/Width 40\b/g),
      ].length
    assert.equal(count(await site.as(clerk, (ctx) => printPdf(ctx, about(own)))), 1)
    const secret = await site.make('Note', { title: 'Secret', public: 0 })
    const hidden = await site.asSystem(async (ctx) => {
      const received = await receiveStream(ctx.site, Readable.from([await pixel(), Buffer.from([0])]), 'hidden.png')
      const file = await storeFile(ctx, received, { isPrivate: true, attachedTo: { doctype: 'Note', name: secret } })
      await received.finish(ctx.site, true)
      return String(file.file_url)
    })
    const spy = await invoice(1, { terms: `<img src="${hidden}">` })
    assert.match(await html(clerk, about(spy)), /hidden/)
    assert.equal(count(await site.as(clerk, (ctx) => printPdf(ctx, about(spy)))), 0)
  })

  test('several documents and copies go into one PDF, each beginning on a page of its own', async () => {
    const requests = [about(await invoice(1, { customer: 'Alpha' })), about(await invoice(2, { customer: 'Beta' }), { copies: 2 })]
    const pages = await pdfPages(await site.as(clerk, (ctx) => printManyPdf(ctx, requests)))
    assert.deepEqual(
      pages.map((page) => /Alpha|Beta/.exec(page)?.[0]),
      ['Alpha', 'Beta', 'Beta'],
    )
    for (const page of pages) assert.match(page, /DRAFT/)
  })

  test('a hook before the print changes what stands in it, and nothing that is stored', async () => {
    await writeConfig(site.site.folder, { ...site.site.config, server_script_enabled: true })
    site.site.reloadConfig()
    const script = `if (doc.customer === 'Blocked') frappe.throw('Not to be printed')
doc.address = 'Changed for ' + doc.customer`
    await site.make('Server Script', {
      name: 'For prints',
      script_type: 'DocType Event',
      reference_doctype: 'Test Invoice',
      doctype_event: 'Before Print',
      script,
    })
    assert.match(await html(clerk, about(name)), /Changed for Muster/)
    const stored = await site.asSystem((ctx) => getDocument(ctx, 'Test Invoice', name))
    assert.match(String(stored.address), /Hauptstraße/)
    const blocked = await invoice(1, { customer: 'Blocked' })
    await assert.rejects(html(clerk, about(blocked)), ScriptRefused.is)
  })

  test('paper has the size that settings or the caller say', async () => {
    assert.match(await html(clerk, about(name)), /size: 210mm 297mm/)
    assert.match(await html(clerk, about(name, { paper: 'Letter', isLandscape: true })), /size: 279\.4mm 215\.9mm/)
  })
})
