import { JobFenced } from './errors.ts'
import type { Claim, Ended, JobQueue } from './job-queue.ts'

interface Waiting extends Ended {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Ends in one transaction, so that nobody waits long for its commit. */
const mostAtOnce = 400

/**
 * Writes down the ends of jobs that have nothing else to commit: those that come while one transaction is under way share the next.
 */
export class Endings {
  readonly #queue: JobQueue
  #waiting: Waiting[] = []
  #isWriting = false

  constructor(queue: JobQueue) {
    this.#queue = queue
  }

  /** Resolves when the end is durable. @throws JobFenced when the claim no longer held */
  add(claim: Claim, result: string | null): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ claim, result, resolve, reject })
      if (this.#isWriting) return
      this.#isWriting = true
      // One trip round the event loop: jobs that end together are written together.
      setImmediate(() => void this.#write())
    })
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, mostAtOnce)
      try {
        const lost = await this.#queue.finishAll(batch)
        for (const { claim, resolve, reject } of batch)
          if (lost.has(claim.id)) reject(new JobFenced({ job: claim.id }))
          else resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#isWriting = false
  }
}
