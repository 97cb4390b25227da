import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sagaContract } from '#testing/contracts/saga.ts'
import { testDatabases } from '#testing/services.ts'
import { defineSaga, type StepDeclaration } from './saga.ts'

for (const { name } of testDatabases()) sagaContract(name)

test('a declaration that cannot be meant is refused where it is written', () => {
  const step = (more: Partial<StepDeclaration> = {}): StepDeclaration => ({
    name: 'pay',
    action: async () => undefined,
    cannotBeUndone: 'money',
    ...more,
  })
  const declare = (...steps: StepDeclaration[]) => defineSaga({ name: 'order', steps })
  assert.equal(declare(step()).steps[0]?.retry.attempts, 3)
  assert.throws(() => declare(), /has no steps/)
  assert.throws(() => declare(step(), step()), /two steps alike/)
  assert.throws(() => declare({ name: 'pay', action: async () => undefined }), /how it is undone/)
  assert.throws(() => declare(step({ compensate: async () => undefined })), /how it is undone/)
  assert.throws(() => declare(step({ name: 'Pay now' })), /cannot be called/)
  assert.throws(() => declare(step({ retry: { attempts: 0 } })), /no whole number/)
  assert.throws(() => declare(step({ timeoutMs: 600_000 })), /more than 120 s/)
  assert.throws(() => defineSaga({ name: 'Order', steps: [step()] }), /cannot be called/)
})
