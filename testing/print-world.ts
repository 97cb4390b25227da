import { extractText, getDocumentProxy } from 'unpdf'
import type { TestSite } from './site.ts'

/** Makes a submittable Test Invoice with so many rows; returns its name. */
type MakeInvoice = (rows: number, values?: Record<string, unknown>) => Promise<string>

const all = { read: 1, write: 1, create: 1, delete: 1, submit: 1, cancel: 1, print: 1, email: 1, share: 1 }

/** Gives a site something like an invoice to print. */
export async function printWorld(site: Pick<TestSite, 'make'>): Promise<{ invoice: MakeInvoice }> {
  await site.make('Currency', { currency_name: 'EUR', symbol: '€', fraction: 'Cent', fraction_units: 100, enabled: 1 })
  await site.make('DocType', {
    name: 'Test Invoice Item',
    module: 'Core',
    custom: 1,
    istable: 1,
    fields: [
      { fieldname: 'item', fieldtype: 'Data', label: 'Article' },
      { fieldname: 'description', fieldtype: 'Small Text', label: 'Description', print_width: '38%' },
      { fieldname: 'qty', fieldtype: 'Float', label: 'Quantity' },
      { fieldname: 'rate', fieldtype: 'Currency', label: 'Rate', options: 'currency' },
      { fieldname: 'amount', fieldtype: 'Currency', label: 'Amount', options: 'currency' },
      { fieldname: 'cost', fieldtype: 'Currency', label: 'Cost', permlevel: 1 },
      { fieldname: 'note', fieldtype: 'Data', label: 'Inner note', print_hide: 1 },
    ],
  })
  await site.make('DocType', {
    name: 'Test Invoice',
    module: 'Core',
    custom: 1,
    is_submittable: 1,
    autoname: 'format:INV-{#####}',
    title_field: 'customer',
    track_changes: 1,
    fields: [
      { fieldname: 'customer', fieldtype: 'Data', label: 'Customer', reqd: 1 },
      { fieldname: 'address', fieldtype: 'Small Text', label: 'Address' },
      { fieldname: 'cb1', fieldtype: 'Column Break' },
      { fieldname: 'posting_date', fieldtype: 'Date', label: 'Date' },
      { fieldname: 'currency', fieldtype: 'Link', label: 'Currency', options: 'Currency' },
      { fieldname: 'code', fieldtype: 'Barcode', label: 'Code' },
      { fieldname: 'iban', fieldtype: 'Data', label: 'IBAN', mask: 1 },
      { fieldname: 'margin', fieldtype: 'Percent', label: 'Our margin', permlevel: 1 },
      { fieldname: 'internal', fieldtype: 'Data', label: 'Internal', print_hide: 1 },
      { fieldname: 'sb1', fieldtype: 'Section Break', label: 'Services' },
      { fieldname: 'items', fieldtype: 'Table', label: '', options: 'Test Invoice Item' },
      { fieldname: 'sb2', fieldtype: 'Section Break' },
      { fieldname: 'net_total', fieldtype: 'Currency', label: 'Net', options: 'currency' },
      { fieldname: 'tax', fieldtype: 'Currency', label: 'Tax', options: 'currency' },
      { fieldname: 'grand_total', fieldtype: 'Currency', label: 'Total', options: 'currency' },
      { fieldname: 'sb3', fieldtype: 'Section Break', label: 'Terms' },
      { fieldname: 'terms', fieldtype: 'Text Editor', label: '' },
      { fieldname: 'picture', fieldtype: 'Attach Image', label: 'Picture' },
      {
        fieldname: 'amended_from',
        fieldtype: 'Link',
        label: 'Amended From',
        options: 'Test Invoice',
        read_only: 1,
        no_copy: 1,
        print_hide: 1,
      },
    ],
    permissions: [
      { role: 'System Manager', ...all },
      { role: 'System Manager', permlevel: 1, read: 1, write: 1 },
      { role: 'Desk User', read: 1, print: 1, share: 1, email: 1 },
    ],
  })
  const words = ['Pump, repaired', 'Filter cartridge', 'Hours of work', 'Journey', 'Sealing ring']
  const invoice: MakeInvoice = (rows, values = {}) => {
    const items = Array.from({ length: rows }, (_, index) => {
      const [qty, rate] = [(index % 7) + 1, 12.5 + index]
      const description = index % 5 === 2 ? 'Checked, cleaned and put back into service; parts that were worn have been replaced.' : ''
      return { item: words[index % words.length], description, qty, rate, amount: qty * rate, cost: 777, note: 'not for print' }
    })
    const net = items.reduce((sum, item) => sum + item.amount, 0)
    return site.make('Test Invoice', {
      customer: 'Muster & Söhne <GmbH>',
      address: 'Hauptstraße 12\n10115 Berlin',
      posting_date: '2026-11-05',
      currency: 'EUR',
      code: 'INV-2026-0815',
      iban: 'DE02120300000000202051',
      margin: 42.5,
      internal: 'never printed',
      items,
      net_total: net,
      tax: net * 0.19,
      grand_total: net * 1.19,
      terms: '<p>Payable within <b>14 days</b>.</p><script>alert(1)</script>',
      ...values,
    })
  }
  return { invoice }
}

/** The pages of a PDF as text. */
export async function pdfPages(pdf: Uint8Array): Promise<string[]> {
  const document = await getDocumentProxy(new Uint8Array(pdf))
  const { text } = await extractText(document, { mergePages: false })
  return text.map((page) => page.normalize('NFKC').replaceAll(/\s+/g, ' '))
}

/** Bytes of a PNG of one colour, so small that it fits a line. */
export async function pixel(): Promise<Buffer> {
  const { default: sharp } = await import('sharp')
  return sharp({ create: { width: 40, height: 20, channels: 3, background: '#0b5cad' } })
    .png()
    .toBuffer()
}
