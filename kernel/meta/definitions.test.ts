import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '#client/rules/errors.ts'
import { buildMeta } from './build-meta.ts'
import { checkDefinition, demandSound } from './check-definition.ts'
import type { DocTypeDefinition } from './definition.ts'
import { readDefinition } from './read-definition.ts'

function define(more: Record<string, unknown>): DocTypeDefinition {
  return readDefinition({ doctype: 'DocType', name: 'Thing', module: 'Test', ...more }, 'thing.json')
}

const data = (fieldname: string, more: Record<string, unknown> = {}) => ({ fieldname, fieldtype: 'Data', ...more })
const fieldnames = (definition: DocTypeDefinition) => definition.fields.map((field) => field.fieldname)

test('flags and numbers come in their types, and unknown properties stay', () => {
  const definition = define({
    istable: true,
    is_submittable: '1',
    track_changes: '0',
    max_attachments: '5',
    __islocal: 1,
    sometimes: { deep: [1] },
    actions: '',
    fields: [data('a', { reqd: '1', hidden: false, permlevel: '2', default: 5, length: '20', my_own: 'kept', options: ['x', 'y'] })],
    permissions: [{ role: ' Guest ', read: '1', write: 0, permlevel: '1' }],
  })
  const { istable, is_submittable, track_changes, max_attachments, sometimes, actions } = definition
  assert.deepEqual(
    { istable, is_submittable, track_changes, max_attachments, sometimes, actions },
    {
      istable: 1,
      is_submittable: 1,
      track_changes: 0,
      max_attachments: 5,
      sometimes: { deep: [1] },
      actions: [],
    },
  )
  assert.deepEqual(definition.fields, [
    { fieldname: 'a', fieldtype: 'Data', reqd: 1, hidden: 0, permlevel: 2, default: '5', length: 20, my_own: 'kept', options: 'x\ny' },
  ])
  assert.deepEqual(definition.permissions, [{ role: 'Guest', read: 1, write: 0, permlevel: 1 }])
})

test('the short form, in which doctype holds the name, is read too', () => {
  const definition = readDefinition(
    {
      doctype: 'Dispatch Job',
      autoname: 'naming_series:',
      naming_series: 'JOB-.YYYY.-.#####',
      fields: [data('a')],
      indexes: [{ fields: ['a', 'b'] }, ['c'], 'd'],
    },
    'job.json',
  )
  assert.equal(definition.name, 'Dispatch Job')
  assert.deepEqual(definition.indexes, [{ fields: ['a', 'b'] }, { fields: ['c'] }, { fields: ['d'] }])
  assert.deepEqual(fieldnames(definition), ['naming_series', 'a'])
  assert.equal(definition.fields[0]?.default, 'JOB-.YYYY.-.#####')
})

test('field_order decides, what it forgets comes last, and layout fields get a name', () => {
  const definition = define({ field_order: ['b', 'unknown', 'a', 'b'], fields: [data('a'), { fieldtype: 'Section Break' }, data('b')] })
  assert.deepEqual(fieldnames(definition), ['b', 'a', 'section_break_2'])
})

test('what is no DocType is refused with the place of the fault', () => {
  const faults: [unknown, string][] = [
    [null, ''],
    [[], ''],
    ['x', ''],
    [{ doctype: 'DocType' }, 'name'],
    [{ name: 'X', fields: {} }, 'fields'],
    [{ name: 'X', fields: [1] }, 'fields[0]'],
    [{ name: 'X', fields: [{ fieldname: 'a' }] }, 'fields[0].fieldtype'],
    [{ name: 'X', indexes: [{ fields: [1] }] }, 'indexes[0]'],
    [{ name: 'X', aliases: [1] }, 'aliases'],
  ]
  for (const [json, field] of faults)
    assert.throws(
      () => readDefinition(json, 'x.json'),
      (error) => error instanceof AppError && error.code === 'meta/definition-malformed' && error.data.field === field,
    )
})

test('prototype keys are dropped and cannot be planted by overlays', () => {
  const definition = define({
    fields: [
      JSON.parse('{"fieldname": "a", "fieldtype": "Data", "__proto__": {"hidden": 1}, "constructor": 1}'),
      data('constructor'),
      data('__proto__'),
    ],
  })
  const meta = buildMeta(definition, {
    propertySetters: [
      { doctype_or_field: 'DocType', property: '__proto__', value: 'x' },
      { doctype_or_field: 'constructor', property: 'a', value: 'x' },
    ],
  })
  assert.deepEqual(
    meta.fields.map((field) => field.fieldname),
    ['a'],
  )
  assert.equal(meta.field.get('a')?.hidden, undefined)
  assert.equal(Object.getPrototypeOf(meta.definition), Object.prototype)
})

test('standard columns come first and differ between documents, rows and trees', () => {
  const columns = (more: Record<string, unknown>) => [...buildMeta(define({ fields: [data('a')], ...more })).column.keys()]
  const common = ['name', 'owner', 'creation', 'modified', 'modified_by', 'docstatus', 'idx']
  assert.deepEqual(columns({}), [...common, '_user_tags', '_comments', '_assign', '_liked_by', 'a'])
  assert.deepEqual(columns({ track_seen: 1 }), [...common, '_user_tags', '_comments', '_assign', '_liked_by', '_seen', 'a'])
  assert.deepEqual(columns({ istable: 1 }), [...common, 'parent', 'parentfield', 'parenttype', 'a'])
  const tree = buildMeta(define({ name: 'Sales Area', is_tree: 1, fields: [data('a')] }))
  assert.deepEqual(
    tree.fields.map((field) => field.fieldname),
    ['a', 'lft', 'rgt', 'is_group', 'old_parent', 'parent_sales_area'],
  )
  assert.equal(tree.parentField, 'parent_sales_area')
})

test('layout, tables and computed fields have no column', () => {
  const meta = buildMeta(
    define({
      fields: [
        { fieldname: 's', fieldtype: 'Section Break' },
        { fieldname: 't', fieldtype: 'Table', options: 'Row' },
        data('v', { is_virtual: 1 }),
        data('a'),
      ],
    }),
  )
  assert.deepEqual(
    meta.fields.filter((field) => field.stored).map((field) => field.fieldname),
    ['a'],
  )
  assert.deepEqual(
    meta.tables.map((field) => field.fieldname),
    ['t'],
  )
  assert.equal(meta.columns.at(-1)?.fieldname, 'a')
})

test('of fields alike but for case the first counts, and standard names are not taken', () => {
  const definition = define({
    fields: [
      data('status', { label: 'First' }),
      data('Status'),
      data('owner', { label: 'Keeper' }),
      { fieldname: 'odd', fieldtype: 'Hologram' },
    ],
  })
  const meta = buildMeta(definition)
  assert.deepEqual(
    meta.fields.map((field) => field.fieldname),
    ['status', 'odd'],
  )
  assert.equal(meta.column.get('owner')?.label, 'Keeper')
  assert.equal(meta.field.get('odd')?.type.name, 'Data')
  assert.deepEqual(
    checkDefinition(definition).map(({ code, path }) => [code, path]),
    [
      ['duplicate-field', 'fields[1].fieldname'],
      ['reserved-name', 'fields[2].fieldname'],
      ['unknown-type', 'fields[3].fieldtype'],
    ],
  )
})

test('custom fields stand after the field they name, in their order, and never replace one', () => {
  const meta = buildMeta(define({ fields: [data('a'), data('b')] }), {
    customFields: [
      data('x', { insert_after: 'a' }),
      data('y', { insert_after: 'x' }),
      data('z', { insert_after: 'a' }),
      data('last', { insert_after: 'nobody' }),
      data('b', { label: 'Impostor' }),
      data('c1', { insert_after: 'c2' }),
      data('c2', { insert_after: 'c1' }),
    ],
  })
  assert.deepEqual(
    meta.fields.map((field) => field.fieldname),
    ['a', 'x', 'y', 'z', 'b', 'last', 'c1', 'c2'],
  )
  assert.equal(meta.field.get('b')?.label, undefined)
})

test('property setters override properties of DocType, field and rows, in their types, and leave the definition as it was', () => {
  const definition = define({ fields: [data('a'), data('b')], links: [{ name: 'row1', group: 'Old' }] })
  const meta = buildMeta(definition, {
    propertySetters: [
      { doctype_or_field: 'DocField', field_name: 'a', property: 'reqd', value: '1' },
      { doctype_or_field: 'DocField', field_name: 'a', property: 'fieldtype', value: 'Int' },
      { doctype_or_field: 'DocField', field_name: 'a', property: 'fieldname', value: 'stolen' },
      { doctype_or_field: 'DocType', property: 'track_changes', value: '1' },
      { doctype_or_field: 'DocType', property: 'name', value: 'Stolen' },
      { doctype_or_field: 'DocType', property: 'field_order', value: '["b","a"]' },
      { doctype_or_field: 'DocType Link', row_name: 'row1', property: 'group', value: 'New' },
    ],
    customPermissions: [{ role: 'Guest', read: 1 }],
  })
  assert.deepEqual(
    [meta.field.get('a')?.reqd, meta.field.get('a')?.type.name, meta.definition.track_changes, meta.name],
    [1, 'Int', 1, 'Thing'],
  )
  assert.deepEqual(
    meta.fields.map((field) => field.fieldname),
    ['b', 'a'],
  )
  assert.equal(meta.definition.links[0]?.group, 'New')
  assert.deepEqual(meta.permissions, [{ role: 'Guest', read: 1 }])
  assert.deepEqual([definition.fields[0]?.reqd, definition.links[0]?.group], [undefined, 'Old'])
})

test('a sound definition has no problems', () => {
  const definition = define({
    autoname: 'field:title',
    title_field: 'title',
    search_fields: 'title, owner',
    sort_field: 'modified desc, title',
    is_submittable: 1,
    fields: [
      data('title'),
      { fieldname: 'kind', fieldtype: 'Link', options: 'DocType' },
      { fieldname: 'ref', fieldtype: 'Dynamic Link', options: 'kind' },
      data('module', { fetch_from: 'kind.module', depends_on: "eval:doc.kind == 'User'" }),
      { fieldname: 'day', fieldtype: 'Date', default: 'Today' },
    ],
    permissions: [
      { role: 'System Manager', read: 1, submit: 1 },
      { role: 'System Manager', permlevel: 1, read: 1 },
    ],
    indexes: [{ fields: ['title', 'owner'] }],
    aliases: ['Gadget'],
  })
  assert.deepEqual(checkDefinition(definition, { strict: true }), [])
})

test('every fault is reported with its place; only some keep a definition from loading', () => {
  const definition = define({
    autoname: 'field:nobody',
    title_field: 'nobody',
    search_fields: 'nobody',
    sort_field: 'nobody',
    is_tree: 1,
    issingle: 1,
    aliases: ['Thing'],
    fields: [
      { fieldname: 'l', fieldtype: 'Link' },
      { fieldname: 't', fieldtype: 'Table' },
      { fieldname: 'd', fieldtype: 'Dynamic Link', options: 'nobody' },
      { fieldname: 'n', fieldtype: 'Int', default: 'many' },
      { fieldname: 'u', fieldtype: 'Text', unique: 1 },
      data('p', { permlevel: 11 }),
      data('e', { depends_on: 'eval:doc.(' }),
      data('f', { fetch_from: 'n.x' }),
      data('has space'),
    ],
    permissions: [
      { role: '', read: 1 },
      { role: 'Guest', permlevel: 10 },
      { role: 'Guest', submit: 1 },
    ],
    indexes: [{ fields: ['nobody'] }, { fields: ['u'], unique: 1 }],
  })
  const problems = checkDefinition(definition)
  assert.deepEqual(
    problems.filter((problem) => problem.severity === 'error').map(({ code, path }) => [code, path]),
    [
      ['contradiction', 'is_tree'],
      ['bad-alias', 'aliases[0]'],
    ],
  )
  assert.deepEqual(
    problems
      .filter((problem) => problem.severity === 'warning')
      .map(({ code, path }) => `${code} ${path}`)
      .sort(),
    [
      'bad-default fields[3].default',
      'bad-expression fields[6].depends_on',
      'bad-level fields[5].permlevel',
      'bad-level permissions[1].permlevel',
      'bad-name fields[8].fieldname',
      'no-index fields[4].unique',
      'no-index indexes[1].fields',
      'no-link fields[7].fetch_from',
      'no-options fields[0].options',
      'no-options fields[1].options',
      'no-role permissions[0].role',
      'not-submittable permissions[2]',
      'unknown-field autoname',
      'unknown-field fields[2].options',
      'unknown-field indexes[0].fields',
      'unknown-field search_fields',
      'unknown-field sort_field',
      'unknown-field title_field',
    ],
  )
  assert.throws(
    () => demandSound(definition, { strict: true }),
    (error) => error instanceof AppError && error.status === 417 && (error.data.problems as unknown[]).length === problems.length,
  )
})

test('hostile names of DocTypes are errors', () => {
  for (const name of ['a"b', 'a`b', 'a;b', "a'b", 'x'.repeat(62), '../x', 'a\0b', '<b>'])
    assert.deepEqual(
      checkDefinition({ ...define({}), name }).map((problem) => problem.severity),
      ['error'],
      JSON.stringify(name),
    )
})
