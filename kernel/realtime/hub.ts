import { randomUUID } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { find } from '#kernel/documents/load.ts'
import { InvalidCredential } from '#kernel/identity/errors.ts'
import { guest } from '#kernel/identity/principals.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { can } from '#kernel/permissions/grants.ts'
import { noteReads } from '#kernel/permissions/reads.ts'
import type { Site } from '#kernel/sites/site.ts'
import { mayBeIn, roomRule } from './audience.ts'
import { Delivery } from './delivery.ts'
import { Doors } from './doors.ts'
import { connections } from './figures.ts'
import { RoomUnknown, TooManyConnections, TooManyRooms } from './errors.ts'
import { type LiveEvent, rooms } from './event.ts'
import { type Member, proven } from './member.ts'
import { Neighbours } from './neighbours.ts'

/** How often a site with connections is looked at for changes of rights and for what other processes said, in milliseconds. */
const lookEvery = 300
/** How long a process goes on listening after the last connection left: pages reload. */
const lingerMs = 10_000
const mostRooms = 1_000
/** Connections of one user, or of one address of visitors, in this process. */
const mostConnections = 1_000
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
  readonly #delivery: Delivery
  readonly #neighbours: Neighbours
  readonly #byAccount = new Map<string, Set<Member>>()
  readonly #doors: Doors
  #running: Promise<void> | undefined
  #again = false
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #emptySince = 0
  #version: number | undefined
  #seen = ''
  #failures = 0

  constructor(site: Site) {
    this.#site = site
    this.#delivery = new Delivery(site)
    this.#doors = new Doors(site, this.id, (event) => this.deliver(event))
    this.#neighbours = new Neighbours(site, this.id, () => this.#wake())
  }

  /** Connections that are open. */
  get size(): number {
    return this.#members.size
  }

  /**
   * Takes a connection in; from when this resolves, it misses nothing that is committed.
   * @throws InvalidCredential when what it showed has lost its worth meanwhile; TooManyConnections
   */
  async admit(member: Member): Promise<void> {
    const own = this.#byAccount.get(member.account) ?? new Set()
    if (own.size >= mostConnections) throw new TooManyConnections({ limit: mostConnections })
    this.#byAccount.set(member.account, own.add(member))
    try {
      await this.#takeIn(member)
    } catch (error) {
      this.dismiss(member)
      throw error
    }
  }

  async #takeIn(member: Member): Promise<void> {
    // Again when the last one before it left meanwhile, and took the process off the list.
    while (!this.#timer) {
      this.#starting ??= this.#start().finally(() => {
        this.#starting = undefined
      })
      await this.#starting
    }
    this.#members.set(member.id, member)
    connections.inc()
    // Rights may have changed since it was let in; from here on it is examined with all the others.
    await this.#site.freshen()
    if (!(await proven(this.#site, member.proof))) throw new InvalidCredential({})
    this.#delivery.enter(member, rooms.website)
    if (member.principal.name === guest.name) return
    this.#delivery.enter(member, rooms.user(member.principal.name))
    if (member.principal.userType === 'System User') this.#delivery.enter(member, rooms.all)
  }

  /** Forgets a connection. */
  dismiss(member: Member): void {
    const own = this.#byAccount.get(member.account)
    if (own?.delete(member) && own.size === 0) this.#byAccount.delete(member.account)
    if (!this.#members.delete(member.id)) return
    connections.dec()
    for (const room of [...member.rooms]) this.#delivery.exit(member, room)
    this.#doors.closeAll(member)
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
    this.#doors.open(member, canonical, name)
  }

  /** The opposite of `open`. */
  close(member: Member, doctype: string, name: string): void {
    const canonical = this.#site.meta.cached(doctype)?.name ?? doctype
    this.#delivery.exit(member, rooms.open(canonical, name))
    this.#doors.close(member, canonical, name)
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
    this.#delivery.exit(member, roomOf(this.#site.meta.cached(doctype)?.name ?? doctype))
  }

  /** Takes an event that is durable; returns at once. */
  deliver(event: LiveEvent): void {
    if (this.#delivery.add(event)) this.#wake()
  }

  /** Ends all connections and stops listening. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const member of [...this.#members.values()]) {
      this.dismiss(member)
      member.end()
    }
    this.#stopping = this.#neighbours.leave().catch((error: unknown) => {
      this.#site.log.debug({ err: error }, 'a process left without saying so')
    })
    await this.#running
    await this.#stopping
  }

  async #start(): Promise<void> {
    await this.#stopping
    await this.#neighbours.renew()
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
      if (this.#doors.hasNews || !isQuiet || this.#neighbours.needsRenewal || this.#hasOverdue()) this.#wake()
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
      if (this.#neighbours.needsRenewal) await this.#renew()
      if (this.#doors.hasNews) await this.#doors.passOn()
      await this.#site.freshen()
      if (this.#seen !== this.#epochs() || this.#hasOverdue()) await this.#recheck()
      const relayed = this.#timer ? await this.#neighbours.take() : []
      for (const event of relayed) {
        if ('frames' in event) this.#delivery.add(event)
        else this.#doors.takeIn(event)
      }
      if (this.#delivery.hasMissed || this.#neighbours.hasMissed) this.#endAll()
      const events = this.#delivery.take()
      if (events.length > 0) await this.#site.run(guest, (ctx) => this.#delivery.deliver(ctx, events), { via: 'system', readOnly: true })
    }
  }

  async #renew(): Promise<void> {
    const others = await this.#neighbours.renew()
    this.#doors.keepOnly(others)
  }

  /** What came could not all be kept: whoever listens comes back and fetches anew, which an incomplete stream would never tell them to. */
  #endAll(): void {
    this.#site.log.warn({ connections: this.#members.size }, 'more live events came than could be delivered; connections are ended')
    this.#delivery.hasMissed = this.#neighbours.hasMissed = false
    for (const member of [...this.#members.values()]) {
      this.dismiss(member)
      member.end('realtime/overrun')
    }
    this.#delivery.take()
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
      if (found.principal.userType === 'System User') this.#delivery.enter(member, rooms.all)
      else this.#delivery.exit(member, rooms.all)
    }
    this.#seen = seen
  }

  /** @returns the DocType's own name */
  async #readable(member: Member, doctype: string, name: string): Promise<string> {
    return this.#ask(member, async (ctx) => {
      const meta = await ctx.site.meta.get(doctype)
      const refused = new PermissionDenied({ doctype: meta.name, action: 'read' })
      if (!(await can(ctx, 'read', meta.name))) throw refused
      const document = await find(ctx, meta, name)
      if (!document || !(await can(ctx, 'read', meta.name, document))) throw refused
      noteReads(ctx, meta.name, [document.name], 'realtime')
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
    this.#delivery.enter(member, room)
  }
}
