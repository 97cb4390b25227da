import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FileNotFound } from '../errors.ts'
import { checkDoctypes } from './check.ts'

const folder = mkdtempSync(join(tmpdir(), 'orc-check-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function write(path: string, content: unknown): string {
  const file = join(folder, path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

const check = (...paths: string[]) => checkDoctypes(paths, { dbType: 'sqlite' }, () => undefined)
const field = (fieldname: string, fieldtype: string, more: object = {}) => ({ fieldname, fieldtype, label: fieldname, ...more })

test('documents that need each other, every kind of field and a twin file pass; a bad file fails alone', async () => {
  const good = {
    doctype: 'DocType',
    name: 'Good Thing',
    module: 'M',
    autoname: 'field:title',
    is_submittable: 1,
    track_changes: 1,
    fields: [
      field('title', 'Data', { reqd: 1, unique: 1 }),
      field('mail', 'Data', { options: 'Email', reqd: 1 }),
      field('partner', 'Link', { options: 'Partner Thing', reqd: 1 }),
      field('copied', 'Data', { fetch_from: 'partner.phone', reqd: 1 }),
      field('kind', 'Select', { options: 'One\nTwo', reqd: 1 }),
      field('amount', 'Currency'),
      field('at', 'Datetime'),
      field('raw', 'JSON'),
      field('rows', 'Table', { options: 'Good Row', reqd: 1 }),
      field('about_type', 'Link', { options: 'DocType' }),
      field('about', 'Dynamic Link', { options: 'about_type' }),
      field('gone', 'Link', { options: 'Nowhere Defined' }),
    ],
    permissions: [],
  }
  write('apps/m/doctype/good_thing/good_thing.json', good)
  write('copy/good_thing.json', good)
  write('apps/m/doctype/partner_thing/partner_thing.json', {
    doctype: 'DocType',
    name: 'Partner Thing',
    module: 'M',
    fields: [field('phone', 'Data'), field('back', 'Link', { options: 'Good Thing', reqd: 1 })],
  })
  write('apps/m/doctype/good_row/good_row.json', {
    doctype: 'DocType',
    name: 'Good Row',
    module: 'M',
    istable: 1,
    fields: [field('text', 'Data', { reqd: 1 })],
  })
  write('apps/m/doctype/user/user.json', { doctype: 'DocType', name: 'User', module: 'M', fields: [field('nick', 'Data', { reqd: 1 })] })
  write('apps/m/doctype/wrong_table/wrong_table.json', {
    doctype: 'DocType',
    name: 'Wrong Table',
    module: 'M',
    fields: [field('rows', 'Table', { options: 'Partner Thing', reqd: 1 })],
  })
  const taken = write('apps/m/doctype/singles/singles.json', {
    doctype: 'DocType',
    name: 'Singles',
    module: 'M',
    fields: [field('text', 'Data')],
  })
  const broken = write('apps/m/doctype/broken/broken.json', '{"doctype": "DocType",')
  const nameless = write('apps/m/doctype/nameless/nameless.json', { doctype: 'DocType', fields: [] })
  write('apps/m/print_format/x.json', '{ not ours')
  write('apps/m/report/y.json', { doctype: 'Report', name: 'Y' })
  const report = await check(folder)
  assert.deepEqual([report.checked, report.loaded], [9, 6])
  assert.deepEqual(
    report.failed.map(({ file }) => file),
    [broken, nameless, taken],
  )
  assert.match(report.failed[0]?.error ?? '', /not JSON/)
  assert.match(report.failed[2]?.error ?? '', /the name is taken by tabSingles/)
  assert.ok(report.warnings.some(({ warning }) => /rows: Partner Thing is no child table/.test(warning)))
  assert.ok(report.warnings.some(({ warning }) => /Nowhere Defined is defined nowhere/.test(warning)))
})

test('a path that is not there is refused', async () => {
  await assert.rejects(check(join(folder, 'nothing')), FileNotFound.is)
})
