import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseBusy, DatabaseUnavailable } from '../errors.ts'
import { isBusy, sqliteFailure } from './failure.ts'

/** Milliseconds to wait for a name before giving up. */
const patience = 60_000

/**
 * Locks by name, across processes: each is an empty SQLite file beside the data, held with an exclusive transaction. The
 * operating system frees it when its process dies. Inside the process callers of one name queue in memory.
 */
export class NamedLocks {
  private readonly file: string
  private readonly tails = new Map<string, Promise<void>>()
  private isClosed = false

  constructor(file: string) {
    this.file = file
  }

  /** @throws DatabaseBusy when the name stayed taken by another process for a minute */
  async hold<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.tails.get(name)
    const turn = Promise.withResolvers<void>()
    this.tails.set(name, turn.promise)
    await before
    try {
      const lock = await this.take(name)
      try {
        return await work()
      } finally {
        lock.close()
      }
    } finally {
      if (this.tails.get(name) === turn.promise) this.tails.delete(name)
      turn.resolve()
    }
  }

  /** Nobody new gets a lock; those held end with their work. */
  close(): void {
    this.isClosed = true
  }

  private async take(name: string): Promise<DatabaseSync> {
    const started = performance.now()
    const digest = createHash('sha256').update(name).digest('hex').slice(0, 12)
    for (let attempt = 1; ; attempt++) {
      if (this.isClosed) throw new DatabaseUnavailable({ reason: 'closed' })
      const lock = openLock(`${this.file}-lock-${digest}`)
      if (lock) return lock
      const waitedMs = Math.round(performance.now() - started)
      if (waitedMs >= patience) throw new DatabaseBusy({ waitedMs })
      await pause(Math.min(50, attempt * 2) * (0.5 + Math.random()))
    }
  }
}

function openLock(file: string): DatabaseSync | undefined {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(file, { timeout: 0 })
    lock.exec('begin exclusive')
    return lock
  } catch (error) {
    lock?.close()
    if (isBusy(error)) return undefined
    throw sqliteFailure(error)
  }
}
