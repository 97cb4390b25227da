import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeOf, safeFileName, urlOf } from './file-names.ts'

test('an ordinary name stays as it is', () => {
  for (const name of ['report.pdf', 'Änderung 2026 (final).docx', '日本語.txt', 'archive.tar.gz', "O'Brien.csv"])
    assert.equal(safeFileName(name), name)
})

test('a path is cut down to its last part', () => {
  assert.equal(safeFileName('../../etc/passwd'), 'passwd')
  assert.equal(safeFileName('C:\\Users\\x\\secret.txt'), 'secret.txt')
  assert.equal(safeFileName('/'), 'file')
})

test('what means something elsewhere is replaced', () => {
  assert.equal(safeFileName('a\0b.txt'), 'a_b.txt')
  assert.equal(safeFileName('a?b#c%2e.txt'), 'a_b_c_2e.txt')
  assert.equal(safeFileName('invoice\u202efdp.exe'), 'invoice_fdp.exe')
  assert.equal(safeFileName('.htaccess'), 'htaccess')
  assert.equal(safeFileName('..'), 'file')
  assert.equal(safeFileName(''), 'file')
  assert.equal(safeFileName('con.txt'), '_con.txt')
  assert.equal(safeFileName('name. . '), 'name')
})

test('a long name keeps its extension and never breaks a character', () => {
  const name = safeFileName(`${'ä'.repeat(300)}.pdf`)
  assert.ok(Buffer.byteLength(name) <= 140)
  assert.ok(name.endsWith('ä.pdf') && name.isWellFormed())
})

test('an address leads to its own place and nowhere else', () => {
  assert.deepEqual(placeOf('/files/a b.txt'), { name: 'a b.txt', isPrivate: false })
  assert.deepEqual(placeOf(urlOf('x.pdf', true)), { name: 'x.pdf', isPrivate: true })
  for (const url of [
    '/files/../site_config.json',
    '/files/a/b',
    '/files/.hidden',
    '/files/',
    '/private/x',
    'https://example.com/files/a',
    '/files/a\\b',
    '/files/..',
    '/files/a\nb',
  ])
    assert.equal(placeOf(url), undefined, url)
})
