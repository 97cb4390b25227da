import type { Transaction } from '../database.ts'
import { DatabaseBusy, DatabaseUnavailable } from '../errors.ts'
import type { Connection } from './connection.ts'
import { isBusy, sqliteFailure } from './failure.ts'
import { type Outcome, SavepointTransaction } from './savepoint-transaction.ts'

export interface WriterLimits {
  /** Milliseconds that `begin` waits for its turn. */
  busyTimeout: number
  /** Milliseconds that a transaction may keep the turn before it is rolled back. */
  holdLimit: number
  /** Milliseconds after which a batch is closed though more are waiting; default 5. */
  batchMs?: number
}

// A batch is closed when it has taken in this many transactions, or is this old, even though more are waiting.
const batchSize = 64
const batchMs = 5

interface Turn {
  since: number
  take(): void
  refuse(error: unknown): void
}

interface Batch {
  since: number
  taken: number
  /** Committed transactions that wait for the batch's COMMIT. */
  settled: Exclude<Outcome, 'undone'>[]
}

/**
 * The one writer of a SQLite file in this process. Transactions take turns, first come first served; each runs in a savepoint
 * of one real transaction, whose COMMIT (one fsync) acknowledges all of them. So a commit waits until nobody else wants a
 * turn, or until the batch is full or old. Other processes are kept out by BEGIN IMMEDIATE, tried again until it succeeds.
 */
export class Writer {
  private readonly open: () => Connection
  private readonly limits: WriterLimits
  private readonly waiting: Turn[] = []
  private holder: SavepointTransaction | undefined
  private batch: Batch | undefined
  private isEntering = false
  private flushScheduled = false
  private expiry: NodeJS.Timeout | undefined
  private holdTimer: NodeJS.Timeout | undefined
  private isClosed = false

  constructor(open: () => Connection, limits: WriterLimits) {
    this.open = open
    this.limits = limits
  }

  /** @throws DatabaseBusy when no turn came in time */
  begin(): Promise<Transaction> {
    return new Promise((resolve, reject) => {
      this.enqueue({
        since: performance.now(),
        take: () => resolve(this.grant()),
        refuse: (error) => reject(sqliteFailure(error)),
      })
    })
  }

  /** Whether nobody holds or awaits a turn and nothing is uncommitted, so that the connection may be closed. */
  /** Whether somebody writes, and how many wait for their turn. */
  get load(): { isBusy: boolean; waiting: number } {
    return { isBusy: this.holder !== undefined || this.batch !== undefined, waiting: this.waiting.length }
  }

  get isIdle(): boolean {
    return !this.holder && !this.batch && !this.isEntering && this.waiting.length === 0
  }

  /** Refuses those who wait, rolls back the holder, and commits what was already settled. */
  close(): void {
    this.isClosed = true
    clearTimeout(this.expiry)
    clearTimeout(this.holdTimer)
    for (const turn of this.waiting.splice(0)) turn.refuse(new DatabaseUnavailable({ reason: 'closed' }))
    this.holder?.expire(new DatabaseUnavailable({ reason: 'closed' }))
    if (this.batch) this.flush()
  }

  private enqueue(turn: Turn): void {
    if (this.isClosed) {
      turn.refuse(new DatabaseUnavailable({ reason: 'closed' }))
      return
    }
    this.waiting.push(turn)
    this.expiry ??= setTimeout(() => this.refuseExpired(), this.limits.busyTimeout).unref()
    this.serve()
  }

  /** Gives the turn to the first in line when it is free. */
  private serve(): void {
    if (this.holder || this.isEntering) return
    const turn = this.waiting[0]
    if (!turn) {
      this.flushSoon()
      return
    }
    if (this.batch && (this.batch.taken >= batchSize || performance.now() - this.batch.since >= (this.limits.batchMs ?? batchMs))) {
      this.flush()
      // Lets sockets be served, and other processes in, between two batches of a long queue.
      this.isEntering = true
      setImmediate(() => {
        this.isEntering = false
        this.serve()
      })
      return
    }
    if (!this.batch && !this.enter(1)) return
    this.waiting.shift()
    try {
      turn.take()
    } catch (error) {
      turn.refuse(error)
      queueMicrotask(() => this.serve())
    }
  }

  /** Opens the real transaction; when another process holds the lock, tries again a little later and answers false. */
  private enter(attempt: number): boolean {
    try {
      this.open().run('begin immediate')
    } catch (error) {
      if (!isBusy(error)) {
        this.waiting.shift()?.refuse(error)
        queueMicrotask(() => this.serve())
        return false
      }
      this.isEntering = true
      setTimeout(
        () => {
          this.isEntering = false
          if (this.waiting.length === 0 || this.holder || this.batch) return this.serve()
          if (this.enter(attempt + 1)) this.serve()
        },
        Math.random() * Math.min(8, attempt) + 0.5,
      )
      return false
    }
    this.batch = { since: performance.now(), taken: 0, settled: [] }
    return true
  }

  private grant(): Transaction {
    const connection = this.open()
    const tx = new SavepointTransaction(connection, (outcome) => this.release(tx, outcome))
    this.holder = tx
    if (this.batch) this.batch.taken++
    this.holdTimer ??= setTimeout(() => this.expireHolder(), this.limits.holdLimit).unref()
    return tx
  }

  /** The holder is done: its fate is tied to the batch, and the next one has the turn. */
  private release(tx: SavepointTransaction, outcome: Outcome): void {
    if (this.holder === tx) this.holder = undefined
    const batch = this.batch
    if (batch && !this.open().inTransaction) {
      // Some failures (disk full, out of memory) end the whole transaction, not just the savepoint.
      this.batch = undefined
      const lost = sqliteFailure(Object.assign(new Error('The engine rolled the transaction back.'), { errcode: 10 }))
      for (const member of batch.settled) member.reject(lost)
      if (outcome !== 'undone') outcome.reject(lost)
    } else if (outcome !== 'undone') {
      batch?.settled.push(outcome)
    }
    this.serve()
  }

  private flushSoon(): void {
    if (!this.batch || this.flushScheduled) return
    this.flushScheduled = true
    // One trip round the event loop: requests that arrived together join this batch.
    setImmediate(() => {
      this.flushScheduled = false
      if (this.batch && !this.holder && this.waiting.length === 0) this.flush()
    })
  }

  /** The real COMMIT. Everybody in the batch is acknowledged after it, or told that it failed. */
  private flush(): void {
    const batch = this.batch as Batch
    this.batch = undefined
    const connection = this.open()
    try {
      connection.run('commit')
    } catch (error) {
      if (connection.inTransaction) connection.run('rollback')
      const failure = sqliteFailure(error)
      for (const member of batch.settled) member.reject(failure)
      return
    }
    for (const member of batch.settled) member.resolve()
  }

  private refuseExpired(): void {
    this.expiry = undefined
    const now = performance.now()
    // The line is in order of arrival, so the first who may still wait ends the search.
    while (this.waiting[0] && now - this.waiting[0].since >= this.limits.busyTimeout - 1) {
      const turn = this.waiting.shift() as Turn
      turn.refuse(new DatabaseBusy({ waitedMs: Math.round(now - turn.since) }))
    }
    const first = this.waiting[0]
    if (first) this.expiry = setTimeout(() => this.refuseExpired(), first.since + this.limits.busyTimeout - now).unref()
  }

  private expireHolder(): void {
    this.holdTimer = undefined
    if (!this.holder) return
    const held = performance.now() - this.holder.since
    if (held >= this.limits.holdLimit - 1) this.holder.expire(new DatabaseBusy({ waitedMs: Math.round(held) }))
    else this.holdTimer = setTimeout(() => this.expireHolder(), this.limits.holdLimit - held).unref()
  }
}
