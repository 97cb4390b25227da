import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { TransactionTurns, transactionsWithin } from './transaction-turns.ts'

test('turns go to who came first; one that ends passes on to the next', async () => {
  const turns = new TransactionTurns(2, 1000)
  const order: number[] = []
  const work = async (number: number): Promise<void> => {
    await turns.take()
    order.push(number)
    await pause(5)
    turns.give()
  }
  await Promise.all([1, 2, 3, 4, 5].map(work))
  assert.deepEqual(order, [1, 2, 3, 4, 5])
  await turns.take()
  await turns.take()
})

test('who waits too long is told, and takes no turn from those behind', async () => {
  const turns = new TransactionTurns(1, 20)
  await turns.take()
  await assert.rejects(turns.take(), { code: 'database/busy', status: 503 })
  const next = turns.take()
  turns.give()
  await next
})

test('two connections of a pool are left to plain reads, and one at least to transactions', () => {
  assert.deepEqual([10, 4, 3, 2, 1].map(transactionsWithin), [8, 2, 1, 1, 1])
})
