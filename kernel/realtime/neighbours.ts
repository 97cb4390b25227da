import { type Wire, wireOf } from '#kernel/redis/wire.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { LiveEvent, Presence } from './event.ts'
import { type Relayed, renewEvery, startListening, stopListening, takeRelayed } from './relay.ts'
import { channelOf, type Spoken } from './speak.ts'

/** Ids of events that are remembered, because one may come both ways. */
const mostRemembered = 4_000
/** Events from Redis that may wait here; what comes beyond is dropped, and connections are ended so that they fetch anew. */
const mostWaiting = 10_000

/** The other processes that serve the site: what they say comes through the database, or through Redis where they share one. */
export class Neighbours {
  readonly #site: Site
  readonly #id: string
  readonly #onWord: () => void
  readonly #heard = new Set<string>()
  #inbox: Relayed[] = []
  #stopHearing: (() => void) | undefined
  #renewed = 0
  /** More was said than could be kept. */
  hasMissed = false

  /** @param id of this process among those that listen @param onWord called when something came that need not be looked for */
  constructor(site: Site, id: string, onWord: () => void) {
    this.#site = site
    this.#id = id
    this.#onWord = onWord
  }

  get needsRenewal(): boolean {
    return this.#renewed + renewEvery < Date.now()
  }

  /** Says that this process listens, and goes on listening. @returns the other processes that do */
  async renew(): Promise<readonly string[]> {
    this.#renewed = Date.now()
    const wire = await wireOf(this.#site)?.catch(() => undefined)
    if (wire) this.#hear(wire)
    return startListening(this.#site, this.#id)
  }

  async leave(): Promise<void> {
    this.#stopHearing?.()
    this.#stopHearing = undefined
    this.#inbox = []
    await stopListening(this.#site, this.#id)
  }

  /** What was said since the last time, oldest first; each once, whichever ways it came. */
  async take(): Promise<(LiveEvent | Presence)[]> {
    const inbox = this.#inbox
    this.#inbox = []
    const words = [...inbox, ...(await takeRelayed(this.#site, this.#id))]
    return words.filter(({ id }) => this.#isNew(id)).map(({ word }) => word)
  }

  #hear(wire: Wire): void {
    this.#stopHearing ??= wire.listen(channelOf(this.#site), (message) => {
      const spoken = JSON.parse(message) as Spoken
      if (!spoken.to.includes(this.#id)) return
      if (this.#inbox.length >= mostWaiting) this.hasMissed = true
      else this.#inbox.push({ id: spoken.id, word: spoken.word })
      this.#onWord()
    })
  }

  #isNew(id: string): boolean {
    if (this.#heard.has(id)) return false
    this.#heard.add(id)
    if (this.#heard.size > mostRemembered) this.#heard.delete(this.#heard.values().next().value as string)
    return true
  }
}
