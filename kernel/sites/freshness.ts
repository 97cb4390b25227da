import type { Database } from '#kernel/database/database.ts'
import { readEpoch } from './epoch.ts'
import type { Epoch } from './site.ts'

/**
 * Tells, before each unit of work, whether another process (or this one) committed a change on which caches depend.
 * SQLite answers from a counter in memory; the others read one row, and requests that wait together share the read.
 */
export class Freshness {
  readonly #database: Database
  readonly #onChange: (before: Epoch, after: Epoch) => Promise<void> | void
  #epoch: Epoch
  #areas: ReadonlyMap<string, number> = new Map()
  #seenVersion: number | undefined
  /** A read that has not started yet: whoever arrives before it starts may rely on its answer. */
  #nextRead: Promise<void> | undefined
  #running: Promise<void> | undefined
  #takingIn: Promise<void> | undefined

  constructor(database: Database, epoch: Epoch, onChange: (before: Epoch, after: Epoch) => Promise<void> | void) {
    this.#database = database
    this.#epoch = epoch
    this.#onChange = onChange
  }

  get epoch(): Epoch {
    return this.#epoch
  }

  /** Counters of areas, by name; what is missing has never changed. */
  get areas(): ReadonlyMap<string, number> {
    return this.#areas
  }

  /** Resolves once every change committed before the call has been noticed. */
  freshen(): Promise<void> | undefined {
    if (this.#database.dataVersion) {
      const version = this.#database.dataVersion()
      if (version === this.#seenVersion) return undefined
      return this.#read().then(() => {
        this.#seenVersion = version
      })
    }
    this.#nextRead ??= this.#queueRead()
    return this.#nextRead
  }

  async #queueRead(): Promise<void> {
    await this.#running?.catch(() => undefined)
    this.#nextRead = undefined
    this.#running = this.#read()
    await this.#running
  }

  async #read(): Promise<void> {
    const { areas, ...after } = await readEpoch(this.#database)
    this.#areas = areas
    const before = this.#epoch
    // Noticed by somebody else a moment ago, and perhaps still being taken in.
    if (after.meta === before.meta && after.access === before.access && after.config === before.config) return this.#takingIn
    this.#epoch = after
    this.#takingIn = Promise.resolve(this.#onChange(before, after))
    await this.#takingIn
  }
}
