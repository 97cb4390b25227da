import { defineApp } from '#kernel/apps/app.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { customerPermissions } from './access.ts'
import { invoicingPart } from './invoicing/invoicing.ts'
import { ledgerPart } from './ledger/ledger.ts'
import { stampState } from './ledger/state.ts'
import { keepBooksApart } from './organization.ts'
import { sellingPart } from './selling/selling.ts'

const apart = { validate: keepBooksApart }
const confined = [
  'Company',
  'Account',
  'Cost Center',
  'Fiscal Year',
  'Currency Exchange',
  'Mode of Payment',
  'UOM',
  'Item Group',
  'Item',
  'Item Tax Template',
  'Price List',
  'Item Price',
  'Pricing Rule',
  'Payment Term',
  'Payment Terms Template',
  'Sales Taxes and Charges Template',
  'Quotation',
  'Sales Order',
  'Delivery Note',
  'Sales Invoice',
  'Payment Entry',
  'Payment Allocation',
  'Payment Request',
  'Customer Credit Limit',
  'Journal Entry',
  'Activity Type',
  'Activity Cost',
  'Timesheet',
]

const withState: ReadonlySet<string> = new Set([
  'Quotation',
  'Sales Order',
  'Delivery Note',
  'Sales Invoice',
  'Payment Entry',
  'Payment Request',
  'Timesheet',
])
const sayCancelled: DocumentListener = (ctx, document) => stampState(ctx, document, { status: 'Cancelled' })

/** What an organization sells and charges, what it is paid, and the books behind it. */
export default defineApp({
  name: 'billing',
  title: 'Billing',
  description: 'Items, orders, invoices, payments, the ledger, and timesheets.',
  version: '0.1.0',
  requires: ['company', 'crm', 'hr'],
  parts: [sellingPart, invoicingPart, ledgerPart],
  events: Object.fromEntries(confined.map((doctype) => [doctype, withState.has(doctype) ? { ...apart, on_discard: sayCancelled } : apart])),
  permissions: customerPermissions,
})
