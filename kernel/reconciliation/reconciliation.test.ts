import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reconciliationContract } from '#testing/contracts/reconciliation.ts'
import { testDatabases } from '#testing/services.ts'
import { defineReconciliation } from './reconciliation.ts'

for (const { name } of testDatabases()) reconciliationContract(name)

test('a declaration that cannot be meant is refused where it is written', () => {
  const check = async () => ({ checked: 0, discrepancies: [] })
  assert.equal(defineReconciliation({ name: 'fine', title: 'Fine', check }).every, 'daily')
  assert.throws(() => defineReconciliation({ name: 'Not fine', title: 'x', check }), /cannot be the name/)
  assert.throws(() => defineReconciliation({ name: 'untitled', title: ' ', check }), /has no title/)
  assert.throws(() => defineReconciliation({ name: 'odd', title: 'Odd', check, healAtMost: -1 }), /threshold/)
})
