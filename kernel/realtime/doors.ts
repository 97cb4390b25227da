import type { Site } from '#kernel/sites/site.ts'
import { type LiveEvent, type Presence, rooms } from './event.ts'
import type { Member } from './member.ts'
import { listenersOf } from './relay.ts'
import { speak } from './speak.ts'
import { Viewers } from './viewers.ts'

/** Who has which document open, here and in other processes, and the telling of it to those who have it open, too. */
export class Doors {
  readonly #site: Site
  readonly #id: string
  readonly #deliver: (event: LiveEvent) => void
  readonly #viewers = new Viewers()
  readonly #toPassOn = new Map<string, Pick<Presence, 'doctype' | 'name' | 'asks'>>()

  /** @param id of this process @param deliver to connections of this process */
  constructor(site: Site, id: string, deliver: (event: LiveEvent) => void) {
    this.#site = site
    this.#id = id
    this.#deliver = deliver
  }

  /** Whether other processes are yet to be told something. */
  get hasNews(): boolean {
    return this.#toPassOn.size > 0
  }

  open(member: Member, doctype: string, name: string): void {
    this.#viewers.enter(member, doctype, name)
    this.#changed(doctype, name, true)
  }

  close(member: Member, doctype: string, name: string): void {
    if (this.#viewers.leave(member, doctype, name)) this.#changed(doctype, name)
  }

  closeAll(member: Member): void {
    for (const [doctype, name] of this.#viewers.leaveAll(member)) this.#changed(doctype, name)
  }

  /** Notes what another process said. */
  takeIn(presence: Presence): void {
    if (!this.#viewers.takeIn(presence)) return
    this.#show(presence.doctype, presence.name)
    if (presence.asks) this.#passOnLater(presence.doctype, presence.name)
  }

  /** Forgets what processes said that are gone. */
  keepOnly(processes: readonly string[]): void {
    for (const [doctype, name] of this.#viewers.keepOnly(processes)) this.#show(doctype, name)
  }

  /** Tells other processes what has changed since the last time. */
  async passOn(): Promise<void> {
    const due = [...this.#toPassOn.values()]
    this.#toPassOn.clear()
    await this.#site.asSystem('tells who has a document open', async (ctx) => {
      const others = (await listenersOf(ctx)).filter((id) => id !== this.#id)
      for (const { doctype, name, asks } of due)
        await speak(ctx, others, { from: this.#id, doctype, name, users: this.#viewers.here(doctype, name), asks })
    })
  }

  /** @param asks whether other processes are to say who has it open there */
  #changed(doctype: string, name: string, asks = false): void {
    this.#show(doctype, name)
    this.#passOnLater(doctype, name, asks)
  }

  /** Tells those who have a document open who else has. */
  #show(doctype: string, name: string): void {
    const message = { doctype, docname: name, users: this.#viewers.of(doctype, name) }
    this.#deliver({
      frames: [{ room: rooms.open(doctype, name), event: 'doc_viewers', message }],
      audience: { readersOf: { doctype, name } },
    })
  }

  /** At the next look: somebody may open and close as fast as a machine can. */
  #passOnLater(doctype: string, name: string, asks = false): void {
    const key = `${doctype}/${name}`
    this.#toPassOn.set(key, { doctype, name, asks: asks || this.#toPassOn.get(key)?.asks === true })
  }
}
