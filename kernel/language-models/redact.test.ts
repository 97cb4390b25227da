import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { redaction } from './redact.ts'

const of = (text: string, names: string[] = []) => {
  const hidden = redaction(names, [text])
  return { hidden, text: hidden.redact(text) }
}

suite('what leaves the house', () => {
  test('what identifies people is taken out, and comes back exactly', () => {
    for (const secret of [
      "dana.o'hara+x@mail.example.co.uk",
      'müller@bücher.example',
      '4111 1111 1111 1111',
      '4111-1111-1111-1111',
      '378282246310005',
      '123-45-6789',
      'DE89 3704 0044 0532 0130 00',
      'GB29NWBK60161331926819',
      '+1 (555) 123-4567',
      '+49 30 1234567',
      '0171/1234567',
      '555-123-4567',
    ]) {
      const text = `Please call or write: ${secret}, thank you.`
      const { hidden, text: sent } = of(text)
      assert.ok(!sent.includes(secret), `${secret} → ${sent}`)
      assert.ok(!/\d{4}/.test(sent), sent)
      assert.equal(hidden.restore(sent), text)
    }
  })

  test('dates, prices and numbers of documents stay', () => {
    for (const text of ['on 2026-11-20 at 14:30', 'for 1,250.00 EUR', 'ticket TKT-0001 of 20.11.2026', 'room 12, floor 3', 'version 1.2.3'])
      assert.equal(of(text).text, text)
  })

  test('names are taken out as whole words in any case, the longest first', () => {
    const { hidden, text } = of('Dana Smith met dana. Danae stayed; SMITH left.', ['Dana', 'Dana Smith', 'Smith'])
    assert.equal(text, '<NAME_1> met <NAME_2>. Danae stayed; <NAME_3> left.')
    assert.equal(hidden.restore('<NAME_1> and <NAME_2>'), 'Dana Smith and dana')
  })

  test('the same value is the same placeholder in all texts, and unknown placeholders stay', () => {
    const hidden = redaction([], ['a@b.example', 'a@b.example c@d.example'])
    assert.deepEqual([hidden.redact('a@b.example'), hidden.redact('c@d.example a@b.example')], ['<EMAIL_1>', '<EMAIL_2> <EMAIL_1>'])
    assert.deepEqual(hidden.restoreAll({ to: ['<EMAIL_2>'], n: 1, x: '<EMAIL_9>' }), { to: ['c@d.example'], n: 1, x: '<EMAIL_9>' })
  })

  test('a text that holds what looks like a placeholder is not mixed up with one', () => {
    const text = 'Write <EMAIL_1> literally, and mail a@b.example.'
    const { hidden, text: sent } = of(text)
    assert.ok(!sent.includes('a@b.example'))
    assert.equal(hidden.restore(sent), text)
  })

  test('long texts made to be slow are not', () => {
    const started = performance.now()
    for (const text of [
      '1 '.repeat(50_000),
      'a@'.repeat(50_000),
      'a.'.repeat(50_000),
      '('.repeat(50_000),
      '+1'.repeat(50_000),
      'AB12 '.repeat(20_000),
    ])
      of(text)
    assert.ok(performance.now() - started < 3000, `${performance.now() - started} ms`)
  })
})
