import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { OfflineCannot } from './errors.ts'
import { answerOffline } from './offline.ts'

const ask = (content: string, schema?: Record<string, unknown>) =>
  answerOffline({ system: '', messages: [{ role: 'user', content }], maxTokens: 100, temperature: 0, schema }).text

suite('the offline rules', () => {
  test('a choice falls to the option whose words occur, always alike', () => {
    const schema = {
      type: 'object',
      required: ['topic'],
      properties: { topic: { enum: ['Billing', 'Scheduling', 'Technical'] }, note: { type: 'string' } },
    }
    for (let n = 0; n < 3; n++)
      assert.deepEqual(JSON.parse(ask('My bill is wrong; please look at the billing.', schema)), { topic: 'Billing' })
    assert.deepEqual(JSON.parse(ask('Can we schedule a visit?', schema)), { topic: 'Scheduling' })
  })

  test('what the words do not tell is refused, not made up', () => {
    assert.throws(() => ask('Hello.', { enum: ['Billing', 'Technical'] }), OfflineCannot.is)
    assert.throws(
      () => ask('Hello.', { type: 'object', required: ['amount'], properties: { amount: { type: 'number' } } }),
      OfflineCannot.is,
    )
  })

  test('a summary is made of sentences of the text, in their order', () => {
    const text =
      'The boiler leaks. It is green. The boiler lost pressure and the boiler leaks water. I like tea. Water from the boiler runs to the cellar.'
    const summary = ask(text)
    const sentences = text.match(/[^.]+\./g)?.map((one) => one.trim()) ?? []
    const kept = summary.match(/[^.]+\./g)?.map((one) => one.trim()) ?? []
    assert.equal(kept.length, 3)
    assert.deepEqual(
      kept,
      sentences.filter((one) => kept.includes(one)),
    )
    assert.ok(!summary.includes('tea'))
  })
})
