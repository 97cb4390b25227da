import { setTimeout as pause } from 'node:timers/promises'
import type { Database, Transaction } from './database.ts'
import { Deadlocked } from './errors.ts'

const attempts = 4

/**
 * Runs `work` in a transaction of `database` and commits it; whatever it throws undoes the transaction and goes on.
 * When the engine chose this transaction as the victim of a deadlock, `work` runs again, up to three times.
 */
export async function runTransaction<T>(database: Pick<Database, 'begin'>, work: (tx: Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const tx = await database.begin()
    try {
      const result = await work(tx)
      await tx.commit()
      return result
    } catch (error) {
      // The first error tells the story; a failing rollback (lost connection) ends the transaction just as well.
      await tx.rollback().catch(() => undefined)
      if (attempt === attempts || !Deadlocked.is(error)) throw error
      await pause(Math.random() * 20 * 2 ** attempt)
    }
  }
}
