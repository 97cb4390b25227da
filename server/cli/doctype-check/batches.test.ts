import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDefinition } from '#kernel/meta/read-definition.ts'
import { planBatches, type Subject } from './batches.ts'

function subject(path: string, name: string, fields: Record<string, unknown>[] = [], more: Record<string, unknown> = {}): Subject {
  return { paths: [path], definition: readDefinition({ doctype: 'DocType', name, module: 'M', fields, ...more }, path) }
}

const link = (target: string) => ({ fieldname: 'link', fieldtype: 'Link', options: target })
const table = (target: string) => ({ fieldname: 'rows', fieldtype: 'Table', options: target })

test('files with the same name go to different batches, each with its neighbours', () => {
  const { batches } = planBatches(
    [
      subject('/c/a/note.json', 'Memo'),
      subject('/c/a/pad.json', 'Pad'),
      subject('/c/b/note.json', 'MEMO'),
      subject('/c/b/pin.json', 'Pin'),
    ],
    new Set(),
  )
  assert.deepEqual(
    batches.map(({ subjects }) => subjects.map(({ definition }) => definition.name)),
    [
      ['Memo', 'Pad'],
      ['MEMO', 'Pin'],
    ],
  )
})

test('a target that no file defines is made up and reported; one of another batch is not reported', () => {
  const { batches, missing } = planBatches(
    [subject('/c/a/x.json', 'X', [link('Gone')]), subject('/c/a/y.json', 'Y'), subject('/c/b/x.json', 'X', [link('Y')])],
    new Set(),
  )
  assert.deepEqual([...missing], [['Gone', '/c/a/x.json']])
  assert.deepEqual(
    batches.map(({ support }) => support.map(({ name }) => name)),
    [['Gone'], ['Y']],
  )
})

test('the rows of a table come whole, from the file that lies nearest', () => {
  const row = (folder: string, fieldname: string) =>
    subject(`/c/${folder}/row.json`, 'Row', [{ fieldname, fieldtype: 'Data' }], { istable: 1 })
  const { batches } = planBatches(
    [
      row('a', 'wrong'),
      subject('/c/a/one.json', 'One'),
      row('bc', 'right'),
      subject('/c/bc/two.json', 'Two'),
      subject('/c/bd/one.json', 'One'),
      subject('/c/bd/two.json', 'Two', [table('Row')]),
    ],
    new Set(),
  )
  assert.deepEqual(
    batches.map(({ support }) => support.map(({ name, fields }) => [name, fields[0]?.fieldname])),
    [[], [], [['Row', 'right']]],
  )
})

test('a name of the platform is checked under another one, tables that use it follow', () => {
  const { batches } = planBatches(
    [subject('/c/a/user.json', 'User', [table('Has Role'), link('User')]), subject('/c/a/role.json', 'Has Role', [], { istable: 1 })],
    new Set(['User', 'Has Role']),
  )
  const [first] = batches[0]?.subjects ?? []
  assert.equal(first?.definition.name, 'Checked User')
  assert.deepEqual(
    first?.definition.fields.map(({ options }) => options),
    ['Checked Has Role', 'User'],
  )
})
