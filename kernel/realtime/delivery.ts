import type { Context } from '#kernel/context/context.ts'
import type { Site } from '#kernel/sites/site.ts'
import { type MayHear, mayHearOf } from './audience.ts'
import type { Frame, LiveEvent } from './event.ts'
import { frames } from './figures.ts'
import { type Member, rightsKey } from './member.ts'

/** Events that may wait for delivery; beyond, connections are ended so that they fetch anew rather than fall ever further behind. */
const mostWaiting = 10_000

/** Who listens where, and the delivery of events to those of them who may hear. */
export class Delivery {
  readonly #site: Site
  readonly #rooms = new Map<string, Set<Member>>()
  #waiting: LiveEvent[] = []
  /** More came than could wait. */
  hasMissed = false

  constructor(site: Site) {
    this.#site = site
  }

  enter(member: Member, room: string): void {
    member.rooms.add(room)
    const there = this.#rooms.get(room)
    if (there) there.add(member)
    else this.#rooms.set(room, new Set([member]))
  }

  exit(member: Member, room: string): void {
    member.rooms.delete(room)
    const there = this.#rooms.get(room)
    if (there?.delete(member) && there.size === 0) this.#rooms.delete(room)
  }

  /** Lets an event wait for `deliver`. @returns false when nobody here listens */
  add(event: LiveEvent): boolean {
    if (!event.frames.some(({ room }) => this.#rooms.has(room))) return false
    if (this.#waiting.length >= mostWaiting) {
      this.hasMissed = true
      frames.inc({ result: 'dropped' }, event.frames.length)
    } else this.#waiting.push(event)
    return true
  }

  /** Takes what waits. */
  take(): readonly LiveEvent[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }

  /** Sends events to those who may hear them, by rights as they are now. */
  async deliver(ctx: Context, events: readonly LiveEvent[]): Promise<void> {
    const asked = new Map<string, MayHear>()
    for (const { frames: said, audience } of events) {
      const wanted = said.filter(({ room }) => this.#rooms.has(room))
      if (wanted.length === 0) continue
      try {
        const about = JSON.stringify(audience)
        const mayHear = asked.get(about) ?? onceEach(await mayHearOf(ctx, audience))
        asked.set(about, mayHear)
        for (const frame of wanted) await this.#send(frame, mayHear)
      } catch (error) {
        // One event that cannot be judged goes to nobody, and holds up no other.
        this.#site.log.warn({ err: error }, 'a live event could not be delivered')
      }
    }
  }

  async #send({ room, event, message }: Frame, mayHear: MayHear): Promise<void> {
    const hearers: Member[] = []
    for (const member of [...(this.#rooms.get(room) ?? [])]) if (await mayHear(member.principal)) hearers.push(member)
    for (const [channel, members] of Map.groupBy(hearers, (member) => member.channel)) {
      // Those who left while the others were asked about are in no room any more.
      const there = members.filter((member) => member.rooms.has(room))
      frames.inc({ result: 'delivered' }, there.length)
      channel.send(
        there.map((member) => member.id),
        event,
        message,
      )
    }
  }
}

/** Asks once for all connections with the same rights. */
function onceEach(mayHear: MayHear): MayHear {
  const answers = new Map<string, Promise<boolean>>()
  return (who) => {
    const key = rightsKey(who)
    const known = answers.get(key) ?? mayHear(who)
    answers.set(key, known)
    return known
  }
}
