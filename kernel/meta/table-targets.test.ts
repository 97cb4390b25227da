import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildMeta } from './build-meta.ts'
import { readDefinition } from './read-definition.ts'

test('a Table field that leads to no child table holds nothing, and the DocType loads all the same', () => {
  const fields = ['Row', 'Document'].map((target) => ({ fieldname: target.toLowerCase(), fieldtype: 'Table', options: target, reqd: 1 }))
  const definition = readDefinition({ doctype: 'DocType', name: 'Holder', module: 'Test', fields }, 'test')
  const meta = buildMeta(definition, { isChildTable: (doctype) => doctype === 'Row' })
  assert.deepEqual(
    meta.tables.map(({ fieldname }) => fieldname),
    ['row'],
  )
  assert.equal(meta.field.get('document')?.type.kind, 'none')
  assert.equal(meta.field.get('document')?.fieldtype, 'Table', 'the definition is told as it is')
  assert.equal(buildMeta(definition).tables.length, 2, 'where nothing is known of the others, both count')
})
