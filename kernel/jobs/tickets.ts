import { type BackendFactory, createRedisBackend, type Job, Queue, type RedisQueueBackend, Worker } from 'bullmq'
import type { Wire } from '#kernel/redis/wire.ts'
import { type QueueName, queueNames } from './job.ts'

/** What is said of a job in Redis: that somebody may take it. The rest is in the database. */
export interface Ticket {
  readonly id: string
  readonly queue: QueueName
  /** That of the row as it waits: the same job may wait again later, and then has another ticket. */
  readonly fence: number
  readonly precedence: number
}

/** How long a ticket that was taken and not handed in counts as held; then it is handed out again. */
const lockMs = 30_000
/** BullMQ counts priorities from 1, ours begin at minus a million. */
const priorityOfZero = 1_000_001
const patienceMs = 2_000
/** Parts of the name of a ticket: BullMQ keeps colons for itself. */
const divider = '_'

interface Desk {
  readonly queue: Queue
  readonly worker: Worker
}

/** The tickets of one site in Redis, kept by BullMQ, a queue of its own for each of ours. */
export class Tickets {
  readonly #wire: Wire
  readonly #desks = new Map<QueueName, Desk>()
  #taken = 0

  constructor(wire: Wire, host: string) {
    this.#wire = wire
    // On the shared connection: nobody waits in Redis for a ticket, because a message tells when there is one.
    const shared: BackendFactory<RedisQueueBackend> = (name, options) => createRedisBackend(name, options, { blocking: false })
    const options = { connection: wire.client, prefix: `orc:${host}:jobs`, skipVersionCheck: true }
    for (const name of queueNames) {
      const queue = new Queue(name, options, shared)
      const worker = new Worker(
        name,
        null,
        { ...options, autorun: false, lockDuration: lockMs, stalledInterval: lockMs, maxStalledCount: 3 },
        shared,
      )
      // Failures come back to whoever asked; an event without a listener would end the process.
      queue.on('error', () => undefined)
      worker.on('error', () => undefined)
      this.#desks.set(name, { queue, worker })
    }
  }

  /** Whether Redis can be asked now. */
  get isOpen(): boolean {
    return this.#wire.isUp
  }

  /** Puts tickets out; one that is out already stays as it is. @throws Error while Redis is away */
  async add(tickets: readonly Ticket[]): Promise<void> {
    const byQueue = Map.groupBy(tickets, (ticket) => ticket.queue)
    await inTime(
      Promise.all(
        [...byQueue].map(([name, some]) =>
          this.#desk(name).queue.addBulk(
            some.map(({ id, fence, precedence }) => ({
              name: 'job',
              data: {},
              opts: {
                jobId: `${id}${divider}${fence}`,
                priority: priorityOfZero + Number(precedence),
                removeOnComplete: true,
                removeOnFail: true,
              },
            })),
          ),
        ),
      ),
    )
  }

  /** Takes up to so many tickets, the most urgent first. @returns ids of jobs, and how to hand the tickets in @throws Error while Redis is away */
  async take(name: QueueName, most: number): Promise<{ ids: string[]; handIn: () => Promise<void> }> {
    const token = `t${++this.#taken}`
    const { worker } = this.#desk(name)
    const asked = Array.from({ length: most }, () => worker.getNextJob(token, { block: false }))
    const taken = (await inTime(Promise.all(asked))).filter((job): job is Job => job !== undefined)
    return {
      ids: taken.map((job) => job.id?.slice(0, job.id.lastIndexOf(divider)) ?? ''),
      handIn: async () => void (await inTime(Promise.all(taken.map((job) => job.moveToCompleted(null, token, false))))),
    }
  }

  /** Hands tickets out again that somebody took and never handed in. */
  async watchLost(): Promise<void> {
    await Promise.all([...this.#desks.values()].map(({ worker }) => worker.startStalledCheckTimer()))
  }

  async close(): Promise<void> {
    for (const { queue, worker } of this.#desks.values()) {
      await inTime(worker.close(true)).catch(() => undefined)
      await inTime(queue.close()).catch(() => undefined)
    }
  }

  #desk(name: QueueName): Desk {
    return this.#desks.get(name) as Desk
  }
}

/** BullMQ waits for Redis to come back for as long as that takes; nobody here can. @throws Error */
async function inTime<T>(asked: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`Redis has not answered for ${patienceMs} ms.`)), patienceMs)
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
    asked.catch(() => undefined)
  }
}
