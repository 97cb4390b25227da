import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as formats from './formats.ts'

function judge(check: (text: string) => boolean, good: string[], bad: string[]) {
  for (const text of good) assert.equal(check(text), true, JSON.stringify(text))
  for (const text of bad) assert.equal(check(text), false, JSON.stringify(text))
}

test('e-mail addresses', () => {
  judge(
    formats.isEmail,
    ['dana@example.com', 'a.b+c@x-y.co.uk', "o'neil@example.org", 'josé@müller.de', '1@2.io'],
    [
      '',
      'dana',
      '@example.com',
      'dana@',
      'dana@localhost',
      'a@b@c.de',
      'a b@c.de',
      '.a@b.de',
      'a.@b.de',
      'a..b@c.de',
      'a@-b.de',
      'a@b-.de',
      'a@b..de',
      'a@1.2.3.4',
      'Dana <dana@example.com>',
      'a@b.de\n',
      'a@b.de,c@d.de',
      `${'x'.repeat(65)}@b.de`,
      `a@${'x.'.repeat(130)}de`,
      'a@b.de>',
    ],
  )
})

test('names of people', () => {
  judge(
    formats.isPersonName,
    ['Dana', "Mary-Jane O'Neil", 'José Ñúñez', 'Dr. J. Watson', '李小龙', 'Nguyễn', 'Zoë 2'],
    ['', ' Dana', 'Dana ', 'a  b', '<b>', 'a@b', 'a\nb', "'x", 'x'.repeat(141), 'a;b'],
  )
})

test('telephone numbers', () => {
  judge(formats.isPhone, ['+49 (30) 123-456', '112', '+91-9876543210', '*100#'], ['', '+', 'abc', '12a', '1'.repeat(21), '１２３', '1\n'])
})

test('web addresses', () => {
  judge(
    formats.isUrl,
    ['https://example.com', 'http://localhost:8000/a?b=c#d', 'ftp://x.de/f', 'https://user@x.de', 'https://müller.de/ä'],
    [
      '',
      'example.com',
      '/files/a.pdf',
      'javascript:alert(1)',
      'java\nscript:alert(1)',
      'data:text/html,x',
      'https:',
      'https://',
      'https:example.com',
      'http://a b',
      'file:///etc/passwd',
      ' https://x.de',
      'https://x.de\0',
      'https://x.de/"><b>',
      `https://x.de/${'a'.repeat(2000)}`,
    ],
  )
})

test('barcodes and colours', () => {
  judge(formats.isBarcode, ['4006381333931', 'ABC-abc-1234'], ['', 'ä', 'a\tb', 'x'.repeat(141)])
  judge(formats.isColor, ['#fff', '#FFAA00', '#12345678', '#abcd'], ['', 'red', '#ff', '#fffff', '#ggg', 'fff', '#fff;', '#1234567'])
})

test('a Select holds one of its choices, or nothing', () => {
  const options = 'Open\n Closed \nOn Hold'
  judge((value) => formats.isSelectOption(value, options), ['', 'Open', 'Closed', 'On Hold'], ['open', 'Open\nClosed', 'Other', ' '])
  judge((value) => formats.isSelectOption(value, null), ['anything'], [])
  judge((value) => formats.isSelectOption(value, '\n'), ['anything'], [])
  assert.deepEqual(formats.selectOptions('\nA\nB'), ['', 'A', 'B'])
})

test('fieldnames', () => {
  judge(
    formats.isFieldname,
    ['status', '_assign', 'customFieldA1', 'x'.repeat(63)],
    [
      '',
      '1a',
      'a b',
      'a-b',
      'a.b',
      'a`b',
      'ä',
      'a\n',
      'x'.repeat(64),
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'valueOf',
      'hasOwnProperty',
    ],
  )
})

test('DocType names', () => {
  judge(
    formats.isDoctypeName,
    ['ToDo', 'Sales Invoice', 'GSTR-1 Log', 'Terms (old) & More', 'A/B_C', 'Größe', 'x'.repeat(61)],
    [
      '',
      ' A',
      'A ',
      'A  B',
      '_A',
      '-A',
      'A`B',
      "A'B",
      'A"B',
      'A;B',
      'A\0B',
      'A\nB',
      'a..b',
      '../A',
      'x'.repeat(62),
      'ä'.repeat(31),
      'constructor',
      '__proto__',
      'A\u200bB',
      'A%B',
      'A\\B',
      'A<B',
    ],
  )
})

test('names of documents', () => {
  judge(
    formats.isSafeName,
    ['TASK-0001', 'dana@example.com', 'a/b', "O'Neil; DROP", '😀', 'x'.repeat(140)],
    ['', ' a', 'a ', '.', '..', 'a\0', 'a\nb', '<b>', '\ud800', 'x'.repeat(141)],
  )
})

test('hostile lengths are judged quickly', () => {
  const started = performance.now()
  const long = 'a'.repeat(1_000_000)
  for (const check of [
    formats.isEmail,
    formats.isPersonName,
    formats.isPhone,
    formats.isUrl,
    formats.isBarcode,
    formats.isColor,
    formats.isFieldname,
    formats.isDoctypeName,
    formats.isSafeName,
  ]) {
    assert.equal(check(long), false)
    assert.equal(check(`${long}@${long}`), false)
    assert.equal(check(`${'a.'.repeat(100_000)}!`), false)
  }
  assert.ok(performance.now() - started < 5000)
})
