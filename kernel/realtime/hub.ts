import { randomUUID } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { find } from '#kernel/documents/load.ts'
import { InvalidCredential } from '#kernel/identity/errors.ts'
import { guest } from '#kernel/identity/principals.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { can } from '#kernel/permissions/grants.ts'
import type { Site } from '#kernel/sites/site.ts'
import { type MayHear, mayBeIn, mayHearOf, roomRule } from './audience.ts'
import { RoomUnknown, TooManyRooms } from './errors.ts'
import { type Frame, type LiveEvent, type Presence, rooms } from './event.ts'
import { type Member, proven, rightsKey } from './member.ts'
import { Viewers } from './viewers.ts'
import { listenersOf, relay, renewEvery, startListening, stopListening, takeRelayed } from './relay.ts'

/** How often a site with connections is looked at for changes of rights and for what other processes said, in milliseconds. */
const lookEvery = 300
/** How long a process goes on listening after the last connection left: pages reload. */
const lingerMs = 10_000
const mostRooms = 1_000
/** Looks that fail in a row until connections are ended, so that they come back to whoever can serve them. */
const mostFailures = 20

const hubs = new WeakMap<Site, Hub>()

/** The connections of a site in this process, made when the first one opens. */
export function hubOf(site: Site): Hub {
  const known = hubs.get(site)
  if (known) return known
  const hub = new Hub(site)
  hubs.set(site, hub)
  return hub
}

/** As `hubOf`; undefined where nobody ever connected. */
export function knownHub(site: Site): Hub | undefined {
  return hubs.get(site)
}

/**
 * Who is connected to a site through this process, what each listens to, and the delivery of events to them. Whether somebody may hear an
 * event is asked when it is delivered, not only when the room was joined; so a right that is gone is gone with the next event.
 */
export class Hub {
  /** The name of this process among those that listen to the site. */
  readonly id: string = randomUUID()
  readonly #site: Site
  readonly #members = new Map<string, Member>()
  readonly #rooms = new Map<string, Set<Member>>()
  readonly #viewers = new Viewers()
  readonly #toPassOn = new Map<string, Pick<Presence, 'doctype' | 'name' | 'asks'>>()
  #queue: LiveEvent[] = []
  #running: Promise<void> | undefined
  #again = false
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #renewed = 0
  #emptySince = 0
  #version: number | undefined
  #seen = ''
  #failures = 0

  constructor(site: Site) {
    this.#site = site
  }

  /** Connections that are open. */
  get size(): number {
    return this.#members.size
  }

  /**
   * Takes a connection in; from when this resolves, it misses nothing that is committed.
   * @throws InvalidCredential when what it showed has lost its worth meanwhile
   */
  async admit(member: Member): Promise<void> {
    // Again when the last one before it left meanwhile, and took the process off the list.
    while (!this.#timer) {
      this.#starting ??= this.#start().finally(() => {
        this.#starting = undefined
      })
      await this.#starting
    }
    this.#members.set(member.id, member)
    // Rights may have changed since it was let in; from here on it is examined with all the others.
    await this.#site.freshen()
    if (!(await proven(this.#site, member.proof))) {
      this.dismiss(member)
      throw new InvalidCredential({})
    }
    this.#enter(member, rooms.website)
    if (member.principal.name === guest.name) return
    this.#enter(member, rooms.user(member.principal.name))
    if (member.principal.userType === 'System User') this.#enter(member, rooms.all)
  }

  /** Forgets a connection. */
  dismiss(member: Member): void {
    if (!this.#members.delete(member.id)) return
    for (const room of [...member.rooms]) this.#exit(member, room)
    for (const [doctype, name] of this.#viewers.leaveAll(member)) this.#viewersChanged(doctype, name)
    if (this.#members.size === 0) this.#emptySince = Date.now()
  }

  /** Listens to a DocType's lists. @throws PermissionDenied, DocTypeNotFound, TooManyRooms */
  async joinDoctype(member: Member, doctype: string): Promise<void> {
    const name = await this.#ask(member, async (ctx) => {
      const meta = await ctx.site.meta.get(doctype)
      if (!(await can(ctx, 'read', meta.name))) throw new PermissionDenied({ doctype: meta.name, action: 'read' })
      return meta.name
    })
    this.#join(member, rooms.doctype(name))
  }

  /** Listens to a document. One that may not be read and one that is not there are refused in the same words. @throws PermissionDenied, TooManyRooms */
  async joinDocument(member: Member, doctype: string, name: string): Promise<void> {
    const canonical = await this.#readable(member, doctype, name)
    this.#join(member, rooms.document(canonical, name))
  }

  /** Shows others that this user has the document open, and is told who else has. @throws PermissionDenied, TooManyRooms */
  async open(member: Member, doctype: string, name: string): Promise<void> {
    const canonical = await this.#readable(member, doctype, name)
    this.#join(member, rooms.open(canonical, name))
    this.#viewers.enter(member, canonical, name)
    this.#viewersChanged(canonical, name, true)
  }

  /** The opposite of `open`. */
  close(member: Member, doctype: string, name: string): void {
    const canonical = this.#site.meta.cached(doctype)?.name ?? doctype
    this.#exit(member, rooms.open(canonical, name))
    if (this.#viewers.leave(member, canonical, name)) this.#viewersChanged(canonical, name)
  }

  /** Follows a task; only its owner hears of it. @throws TooManyRooms */
  joinTask(member: Member, id: string): void {
    this.#join(member, rooms.task(id))
  }

  /** Joins a room that an app declares. @throws RoomUnknown, also when its rule refuses */
  async joinRoom(member: Member, room: string): Promise<void> {
    const isAllowed = await this.#ask(member, async (ctx) => roomRule(ctx, room) !== undefined && mayBeIn(ctx, member.principal, room))
    if (!isAllowed) throw new RoomUnknown({ room })
    this.#join(member, room)
  }

  /** Leaves a room, by the name that `rooms` gives it; a DocType's other names count as the DocType. */
  leave(member: Member, roomOf: (doctype: string) => string, doctype: string): void {
    this.#exit(member, roomOf(this.#site.meta.cached(doctype)?.name ?? doctype))
  }

  /** Takes an event that is durable; returns at once. */
  deliver(event: LiveEvent): void {
    if (!event.frames.some(({ room }) => this.#rooms.has(room))) return
    this.#queue.push(event)
    this.#wake()
  }

  /** Ends all connections and stops listening. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const member of [...this.#members.values()]) {
      this.dismiss(member)
      member.end()
    }
    this.#stopping = stopListening(this.#site, this.id).catch((error: unknown) => {
      this.#site.log.debug({ err: error }, 'a process left without saying so')
    })
    await this.#running
    await this.#stopping
  }

  async #start(): Promise<void> {
    await this.#stopping
    await startListening(this.#site, this.id)
    this.#renewed = Date.now()
    this.#emptySince = Date.now()
    this.#seen = this.#epochs()
    this.#timer ??= setInterval(() => this.#look(), lookEvery).unref()
  }

  /** A site in which nothing happened costs a look at a counter on SQLite, and one row elsewhere. */
  #look(): void {
    const now = Date.now()
    try {
      if (this.#members.size === 0 && this.#emptySince + lingerMs < now) {
        this.stop().catch((error: unknown) => this.#failed(error))
        return
      }
      const version = this.#site.database.dataVersion?.()
      const isQuiet = version !== undefined && version === this.#version
      this.#version = version
      if (this.#toPassOn.size > 0 || !isQuiet || this.#renewed + renewEvery < now || this.#hasOverdue()) this.#wake()
    } catch (error) {
      this.#failed(error)
    }
  }

  #hasOverdue(): boolean {
    const now = this.#site.clock.now()
    for (const member of this.#members.values()) if (member.until <= now) return true
    return false
  }

  #wake(): void {
    this.#again = true
    this.#running ??= this.#work()
      .then(
        () => {
          this.#failures = 0
        },
        (error: unknown) => this.#failed(error),
      )
      .finally(() => {
        this.#running = undefined
        if (this.#again && this.#failures === 0) this.#wake()
      })
  }

  #failed(error: unknown): void {
    this.#failures++
    this.#version = undefined
    this.#site.log.warn({ err: error }, 'live events could not be delivered')
    if (this.#failures >= mostFailures && this.#timer) this.stop().catch(() => undefined)
  }

  async #work(): Promise<void> {
    while (this.#again) {
      this.#again = false
      if (this.#renewed + renewEvery < Date.now()) await this.#renew()
      if (this.#toPassOn.size > 0) await this.#passOn()
      await this.#site.freshen()
      if (this.#seen !== this.#epochs() || this.#hasOverdue()) await this.#recheck()
      const relayed = this.#timer ? await takeRelayed(this.#site, this.id) : []
      for (const event of relayed) {
        if ('frames' in event) this.#queue.push(event)
        else if (this.#viewers.takeIn(event)) {
          this.#showViewers(event.doctype, event.name)
          if (event.asks) this.#passOnViewers(event.doctype, event.name)
        }
      }
      const events = this.#queue
      this.#queue = []
      if (events.length > 0) await this.#site.run(guest, (ctx) => this.#deliverAll(ctx, events), { via: 'system', readOnly: true })
    }
  }

  async #renew(): Promise<void> {
    this.#renewed = Date.now()
    const others = await startListening(this.#site, this.id)
    for (const [doctype, name] of this.#viewers.keepOnly(others)) this.#showViewers(doctype, name)
  }

  #epochs(): string {
    const { meta, access, config } = this.#site.epoch
    return `${meta} ${access} ${config}`
  }

  /** Asks every proof again: connections whose session or key is gone end, the others go on with the rights they have now. */
  async #recheck(): Promise<void> {
    const seen = this.#epochs()
    const answers = new Map<string, ReturnType<typeof proven>>()
    for (const member of [...this.#members.values()]) {
      const key = member.principal.credential ?? ''
      const answer = answers.get(key) ?? proven(this.#site, member.proof)
      answers.set(key, answer)
      const found = await answer
      if (!found || found.principal.name !== member.principal.name) {
        this.dismiss(member)
        member.end()
        continue
      }
      member.principal = found.principal
      member.until = found.until
      if (found.principal.userType === 'System User') this.#enter(member, rooms.all)
      else this.#exit(member, rooms.all)
    }
    this.#seen = seen
  }

  async #deliverAll(ctx: Context, events: readonly LiveEvent[]): Promise<void> {
    const asked = new Map<string, MayHear>()
    for (const { frames, audience } of events) {
      const wanted = frames.filter(({ room }) => this.#rooms.has(room))
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
    const byChannel = Map.groupBy(hearers, (member) => member.channel)
    for (const [channel, members] of byChannel)
      channel.send(
        members.filter((member) => this.#members.has(member.id)).map((member) => member.id),
        event,
        message,
      )
  }

  /** @param asks whether other processes are to say who has it open there */
  #viewersChanged(doctype: string, name: string, asks = false): void {
    this.#showViewers(doctype, name)
    this.#passOnViewers(doctype, name, asks)
  }

  /** Tells those who have a document open who else has. */
  #showViewers(doctype: string, name: string): void {
    const message = { doctype, docname: name, users: this.#viewers.of(doctype, name) }
    this.deliver({
      frames: [{ room: rooms.open(doctype, name), event: 'doc_viewers', message }],
      audience: { readersOf: { doctype, name } },
    })
  }

  /** Tells other processes, at the next look: somebody may open and close as fast as a machine can. */
  #passOnViewers(doctype: string, name: string, asks = false): void {
    const key = `${doctype}/${name}`
    this.#toPassOn.set(key, { doctype, name, asks: asks || this.#toPassOn.get(key)?.asks === true })
  }

  async #passOn(): Promise<void> {
    const due = [...this.#toPassOn.values()]
    this.#toPassOn.clear()
    await this.#site.asSystem('tells who has a document open', async (ctx) => {
      const others = (await listenersOf(ctx)).filter((id) => id !== this.id)
      if (others.length === 0) return
      for (const { doctype, name, asks } of due)
        await relay(ctx, others, { from: this.id, doctype, name, users: this.#viewers.here(doctype, name), asks })
    })
  }

  /** @returns the DocType's own name */
  async #readable(member: Member, doctype: string, name: string): Promise<string> {
    return this.#ask(member, async (ctx) => {
      const meta = await ctx.site.meta.get(doctype)
      const refused = new PermissionDenied({ doctype: meta.name, action: 'read' })
      if (!(await can(ctx, 'read', meta.name))) throw refused
      const document = await find(ctx, meta, name)
      if (!document || !(await can(ctx, 'read', meta.name, document))) throw refused
      return meta.name
    })
  }

  #ask<T>(member: Member, work: (ctx: Context) => Promise<T>): Promise<T> {
    return this.#site.run(member.principal, work, { via: 'socket', readOnly: true })
  }

  #join(member: Member, room: string): void {
    // Gone while it was asked whether it may.
    if (!this.#members.has(member.id)) return
    if (member.rooms.size >= mostRooms && !member.rooms.has(room)) throw new TooManyRooms({ limit: mostRooms })
    this.#enter(member, room)
  }

  #enter(member: Member, room: string): void {
    member.rooms.add(room)
    const there = this.#rooms.get(room)
    if (there) there.add(member)
    else this.#rooms.set(room, new Set([member]))
  }

  #exit(member: Member, room: string): void {
    member.rooms.delete(room)
    const there = this.#rooms.get(room)
    if (there?.delete(member) && there.size === 0) this.#rooms.delete(room)
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
