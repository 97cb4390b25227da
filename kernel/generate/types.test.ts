import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDefinition } from '#kernel/meta/read-definition.ts'
import { typesOf } from './types.ts'

const define = (name: string, fields: Record<string, unknown>[], more: object = {}) =>
  readDefinition({ doctype: 'DocType', name, module: 'M', fields, ...more }, 'test')

test('each field gets the type of its value on the wire', () => {
  const text = typesOf([
    define('Service Request', [
      { fieldname: 'subject', fieldtype: 'Data', reqd: 1 },
      { fieldname: 'status', fieldtype: 'Select', options: 'Open\nIt’s "done"\n' },
      { fieldname: 'is_new', fieldtype: 'Check' },
      { fieldname: 'cost', fieldtype: 'Currency' },
      { fieldname: 'rating', fieldtype: 'Rating', label: 'Rating' },
      { fieldname: 'section', fieldtype: 'Section Break' },
      { fieldname: 'owner_org', fieldtype: 'Link', options: 'Organization', label: 'Organisation' },
      { fieldname: '2_in_1', fieldtype: 'Data' },
      { fieldname: 'items', fieldtype: 'Table', options: 'Service Request Item' },
      { fieldname: 'others', fieldtype: 'Table', options: 'Elsewhere' },
    ]),
    define('Service Request Item', [{ fieldname: 'note', fieldtype: 'Small Text', description: 'Ends */ here' }], { istable: 1 }),
  ])
  for (const line of [
    'export interface ServiceRequest {',
    '  subject: string',
    `  status: 'Open' | 'It’s "done"' | '' | null`,
    '  is_new: 0 | 1',
    '  cost: number',
    '  /** From 0 to 1. */',
    '  rating: number | null',
    '  /** Organisation. Link to Organization. */',
    '  owner_org: string | null',
    `  '2_in_1': string | null`,
    '  items: (ServiceRequestItem & StandardFields)[]',
    '  others: object[]',
    '  /** Ends * / here */',
    `    'Service Request': ServiceRequest`,
  ])
    assert.ok(text.split('\n').includes(line), `${line}\n---\n${text}`)
  assert.ok(!text.includes('section'), 'layout has no value')
  assert.ok(!text.includes(`'Service Request Item':`), 'rows are no documents of their own')
})

test('names that would meet are kept apart', () => {
  const text = typesOf([define('Whats App', []), define('WhatsApp', [])])
  assert.match(text, /interface WhatsApp \{/)
  assert.match(text, /interface WhatsApp2 \{/)
})
