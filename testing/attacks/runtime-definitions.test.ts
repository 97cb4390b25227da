import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openFort } from './fort.ts'

const runs = Number(process.env.ORC_FUZZ_DEFINITIONS ?? 25)

const fort = await openFort()

const types = [
  'Data',
  'Int',
  'Long Int',
  'Float',
  'Currency',
  'Percent',
  'Check',
  'Date',
  'Datetime',
  'Time',
  'Duration',
  'Select',
  'Link',
  'Dynamic Link',
  'Table',
  'Table MultiSelect',
  'Text',
  'Small Text',
  'Long Text',
  'Text Editor',
  'HTML Editor',
  'Markdown Editor',
  'Code',
  'JSON',
  'Geolocation',
  'Password',
  'Attach',
  'Attach Image',
  'Rating',
  'Color',
  'Barcode',
  'Signature',
  'Phone',
  'Autocomplete',
  'Icon',
  'Read Only',
  'Button',
  'HTML',
  'Heading',
  'Image',
  'Fold',
  'Section Break',
  'Column Break',
  'Tab Break',
  'Evil',
  '',
]
const text = fc.constantFrom(
  '',
  ' ',
  'x',
  'name',
  'owner',
  'docstatus',
  'parent',
  'lft',
  'label',
  'LABEL',
  'a b',
  '1a',
  '_x',
  '__proto__',
  'constructor',
  'select',
  'order',
  'group',
  'key',
  "x'; --",
  'x"y',
  'x`y',
  'ü',
  '💥',
  'a'.repeat(65),
  'a'.repeat(300),
  '%',
  '0',
  '-1',
  '1e9',
  '{',
  '{{',
  '.####',
  'A-.YYYY.-.####',
  'format:{a}-{##}',
  'format:{',
  'field:a',
  'field:nope',
  'hash',
  'prompt',
  'UUID',
  'autoincrement',
  'naming_series:',
  'Prompt',
  'eval:1',
  'eval:',
  'eval:doc.__proto__',
  'fn:x',
  'Fort Ticket',
  'Fort Line',
  'User',
  'Nowhere',
  'a\nb\nc',
  'today',
  'now',
  '__user',
  'user',
  '[]',
  '["a"]',
  '{"a":1}',
  'client.secret_code',
  'a.b',
  '.',
  'a desc, b asc',
  'a; drop table x',
  '\u0000',
)
const flag = fc.constantFrom<unknown>(0, 1, '0', '1', true, false, 2, -1, 'x', null)
const optionsOf: Record<string, string> = {
  Select: 'x\ny',
  Link: 'User',
  'Dynamic Link': 'kind',
  Table: 'Fort Line',
  'Table MultiSelect': 'Has Role',
}

/** Properties of a field and of a DocType, with values that may be right for them or not. */
const fieldProperties: Record<string, fc.Arbitrary<unknown>> = {
  fieldname: text,
  fieldtype: fc.constantFrom('Evil', '', ...types),
  options: text,
  default: text,
  depends_on: text,
  mandatory_depends_on: text,
  fetch_from: text,
  link_filters: text,
  label: text,
  length: fc.constantFrom<unknown>(0, 1, 140, 255, 1000, 70_000, -1, '20', 'x', 1e12),
  precision: fc.constantFrom<unknown>('', '2', 9, 99, -1, 'x'),
  permlevel: fc.constantFrom<unknown>(0, 1, 9, 10, -1, 'x'),
  ...Object.fromEntries(
    [
      'reqd',
      'unique',
      'search_index',
      'not_nullable',
      'set_only_once',
      'no_copy',
      'mask',
      'is_virtual',
      'non_negative',
      'read_only',
      'allow_on_submit',
      'in_list_view',
      'in_standard_filter',
      'in_global_search',
    ].map((name) => [name, flag]),
  ),
}
const definitionProperties: Record<string, fc.Arbitrary<unknown>> = {
  ...Object.fromEntries(
    [
      'autoname',
      'naming_rule',
      'title_field',
      'search_fields',
      'sort_field',
      'sort_order',
      'image_field',
      'nsm_parent_field',
      'description',
      'document_type',
      'user_permission_dependant_doctype',
    ].map((name) => [name, text]),
  ),
  ...Object.fromEntries(
    [
      'istable',
      'issingle',
      'is_tree',
      'is_submittable',
      'is_virtual',
      'allow_rename',
      'track_changes',
      'track_seen',
      'read_only',
      'in_create',
      'show_title_field_in_link',
    ].map((name) => [name, flag]),
  ),
  indexes: fc.array(
    fc.record({ fields: fc.array(fc.oneof(text, fc.constantFrom('a', 'b', 'modified')), { maxLength: 3 }), unique: flag }),
    { maxLength: 2 },
  ),
  aliases: fc.array(text, { maxLength: 2 }),
  permissions: fc.array(
    fc.record(
      {
        role: fc.constantFrom('System Manager', 'All', 'Nobody', ''),
        read: flag,
        write: flag,
        if_owner: flag,
        permlevel: fc.constantFrom<unknown>(0, 1, 10, 'x'),
        user_scope: text,
      },
      { requiredKeys: ['role'] },
    ),
    { maxLength: 3 },
  ),
  links: fc.array(fc.record({ link_doctype: text, link_fieldname: text }), { maxLength: 1 }),
  states: fc.array(fc.record({ title: text, color: text }), { maxLength: 1 }),
}

/** Up to so many of these properties. */
const someOf = (properties: Record<string, fc.Arbitrary<unknown>>, most: number) =>
  fc
    .uniqueArray(fc.constantFrom(...Object.keys(properties)), { maxLength: most })
    .chain(
      (names) =>
        fc.record(Object.fromEntries(names.map((name) => [name, properties[name] as fc.Arbitrary<unknown>]))) as fc.Arbitrary<
          Record<string, unknown>
        >,
    )

const aField = fc
  .tuple(
    fc.constantFrom(...types.filter((type) => type !== 'Evil' && type !== '')),
    fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 2, arbitrary: someOf(fieldProperties, 2) }),
  )
  .map(
    ([fieldtype, more]): Record<string, unknown> => ({
      fieldtype,
      label: 'L',
      ...(optionsOf[fieldtype] && { options: optionsOf[fieldtype] }),
      ...more,
    }),
  )

const aDefinition = fc
  .tuple(fc.array(aField, { minLength: 1, maxLength: 6 }), someOf(definitionProperties, 3))
  .map(([fields, more]): Record<string, unknown> & { fields: Record<string, unknown>[] } => ({
    fields: [
      { fieldname: 'kind', fieldtype: 'Link', options: 'DocType', label: 'Kind' },
      ...fields.map((field, at) => ({ fieldname: 'abcdef'[at], ...field })),
    ],
    permissions: [{ role: 'System Manager', read: 1, write: 1, create: 1, delete: 1, select: 1 }],
    ...more,
  }))

let counter = 0
let accepted = 0

test('no definition makes the server fail, when it is made, used, changed and deleted', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      aDefinition,
      aDefinition,
      fc.array(
        fc.tuple(
          fc.constantFrom('a', 'b', 'c', 'd', 'kind', 'name'),
          fc.oneof(text, fc.constantFrom<unknown>(0, 1, 1.5, null, [], {}, '2026-11-20')),
        ),
        { maxLength: 5 },
      ),
      async (definition, change, values) => {
        const name = `Fuzzed ${++counter}`
        const made = await fort.ask('manager', 'POST', '/api/resource/DocType', {
          body: { name, module: 'Custom', custom: 1, ...definition },
        })
        if (made.status >= 400) return
        accepted++
        const body = Object.fromEntries(values)
        const document = await fort.ask('admin', 'POST', `/api/resource/${name}`, { body })
        const docname = encodeURIComponent(String(document.json?.data?.name ?? 'x'))
        for (const [verb, path, given] of [
          ['GET', `/api/resource/${name}?fields=["*"]&limit=2`],
          ['GET', `/api/resource/${name}?order_by=a asc&filters=${encodeURIComponent(JSON.stringify([['a', 'like', '%x%']]))}`],
          ['GET', `/api/v2/doctype/${name}/meta`],
          ['GET', `/api/v2/doctype/${name}/count`],
          ['GET', `/api/resource/${name}/${docname}`],
          ['PUT', `/api/resource/${name}/${docname}`, body],
          ['POST', '/api/method/frappe.desk.search.search_link', { doctype: name, txt: 'x' }],
          ['POST', '/api/method/frappe.desk.form.load.getdoctype', { doctype: name }],
          ['GET', '/api/v2/openapi.json'],
          ['PUT', `/api/resource/DocType/${name}`, change],
          ['PUT', `/api/resource/${name}/${docname}`, body],
          ['GET', `/api/resource/${name}?fields=["*"]`],
          ['POST', '/api/resource/Custom Field', { dt: name, ...change.fields[1] }],
          [
            'POST',
            '/api/resource/Property Setter',
            {
              doctype_or_field: 'DocField',
              doc_type: name,
              field_name: 'a',
              property: 'fieldtype',
              value: change.fields[1]?.fieldtype ?? 'Int',
              property_type: 'Data',
            },
          ],
          [
            'POST',
            '/api/resource/Property Setter',
            { doctype_or_field: 'DocType', doc_type: name, property: 'sort_field', value: change.sort_field ?? 'x', property_type: 'Data' },
          ],
          ['POST', '/api/resource/Custom DocPerm', { parent: name, ...(change.permissions as object[] | undefined)?.[0] }],
          ['GET', `/api/resource/${name}?fields=["*"]`],
          ['POST', `/api/resource/${name}`, body],
          ['DELETE', `/api/resource/${name}/${docname}`],
          ['DELETE', `/api/resource/DocType/${name}`],
          ['GET', `/api/resource/${name}`],
        ] as [string, string, unknown?][])
          await fort.ask('admin', verb, path, given === undefined ? {} : { body: given })
      },
    ),
    { numRuns: runs, ...(process.env.ORC_FUZZ_SEED && { seed: Number(process.env.ORC_FUZZ_SEED) }) },
  )
  assert.ok(accepted > runs / 10, `only ${accepted} definitions were accepted`)
  assert.equal((await fort.ask('ann', 'GET', '/api/v2/doctype/Fort Ticket/count')).json.data, 3)
})
