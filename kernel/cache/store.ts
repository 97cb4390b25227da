/** Where cached texts lie. Keys come complete: nobody but their maker can say them, and no two mean different things. */
export interface CacheStore {
  /** As operators read it. */
  readonly name: string
  /** Undefined: not there, or the store cannot be reached. */
  get(key: string): Promise<string | undefined>
  /** Keeps a text for so long at most; what cannot be kept is let go. */
  set(key: string, text: string, ttlMs: number): Promise<void>
  /** Whether the caller may work out the value of a key, alone among all processes, for so long. A store that cannot tell lets everybody. */
  lease(key: string, ms: number): Promise<boolean>
  release(key: string): Promise<void>
  figures(): Promise<StoreFigures>
  close(): Promise<void>
}

/** What a store says of itself; what it does not know is absent. */
export interface StoreFigures {
  readonly entries?: number
  readonly bytes?: number
  readonly evictions?: number
  readonly clients?: number
  /** Calls that found the store out of reach. */
  readonly failures?: number
}

/** For sites that share nothing: each process remembers for itself. */
export const noStore: CacheStore = {
  name: 'none',
  get: async () => undefined,
  set: async () => undefined,
  lease: async () => true,
  release: async () => undefined,
  figures: async () => ({}),
  close: async () => undefined,
}
