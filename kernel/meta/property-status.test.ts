import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import { propertyStatus } from './property-status.ts'
import { readDefinition } from './read-definition.ts'

const { Index, ...parts } = propertyStatus

for (const [doctype, listed] of Object.entries(parts)) {
  test(`every property of ${doctype} is listed as obeyed or kept, and nothing else is`, () => {
    const file = doctype.toLowerCase().replaceAll(' ', '_')
    const text = readFileSync(new URL(`../../apps/core/doctypes/${file}/${file}.json`, import.meta.url), 'utf8')
    const { fields } = readDefinition(JSON.parse(text), `${file}.json`)
    const properties = fields.filter((field) => fieldTypes.get(field.fieldtype)?.kind !== 'none').map((field) => field.fieldname)
    assert.deepEqual(Object.keys(listed).sort(), properties.sort())
  })
}

test('a property says in words what it does or who it is for', () => {
  for (const [part, properties] of Object.entries(propertyStatus))
    for (const [property, { text }] of Object.entries(properties)) assert.match(text, /^\S.{3,}[^.]$/, `${part}.${property}`)
})

test('an index is described by its fields and whether it is unique', () => {
  const { indexes } = readDefinition({ doctype: 'Thing', fields: [], indexes: [{ fields: ['a'], unique: 1 }] }, 'thing.json')
  assert.deepEqual(Object.keys(indexes?.[0] ?? {}).sort(), Object.keys(Index).sort())
})
