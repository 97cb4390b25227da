import { DatabaseBusy } from './errors.ts'

/** Connections of a pool that transactions leave to plain reads. */
const reserved = 2

/** How many of a pool's connections transactions may hold. @param poolSize connections at most */
export function transactionsWithin(poolSize: number): number {
  return Math.max(1, poolSize - reserved)
}

/**
 * Turns for transactions on a pooled database, first come, first served. Whoever is inside a transaction may need a plain read
 * beside it (a definition, a rule): if transactions could take the whole pool, all of them would wait for a connection for good.
 */
export class TransactionTurns {
  private free: number
  private readonly patience: number
  private readonly queue: (() => void)[] = []

  /** @param patience milliseconds to wait for a turn */
  constructor(limit: number, patience: number) {
    this.free = limit
    this.patience = patience
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.queue.length
  }

  /** Resolves when it is the caller's turn; `give` ends it. @throws DatabaseBusy */
  async take(): Promise<void> {
    if (this.free > 0) {
      this.free--
      return
    }
    const turn = Promise.withResolvers<void>()
    this.queue.push(turn.resolve)
    const timer = setTimeout(() => {
      const place = this.queue.indexOf(turn.resolve)
      if (place < 0) return
      this.queue.splice(place, 1)
      turn.reject(new DatabaseBusy({ waitedMs: this.patience }))
    }, this.patience)
    await turn.promise.finally(() => clearTimeout(timer))
  }

  give(): void {
    const next = this.queue.shift()
    if (next) next()
    else this.free++
  }
}
