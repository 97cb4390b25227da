import type { Site } from '#kernel/sites/site.ts'
import { openQueue } from './open-queue.ts'
import { Post } from './post.ts'
import { onWork } from './wake.ts'

const sitesEvery = 5_000

/** The sites that a worker works for, asked again every few seconds. */
export class Posts {
  readonly #sites: () => Promise<readonly Site[]>
  readonly #onWork: () => void
  readonly #posts = new Map<Site, Post>()
  #askedAt = 0
  #turn = 0

  /** @param onWork called when a site got work, as far as anybody tells */
  constructor(sites: () => Promise<readonly Site[]>, onWork: () => void) {
    this.#sites = sites
    this.#onWork = onWork
  }

  get size(): number {
    return this.#posts.size
  }

  [Symbol.iterator](): IterableIterator<Post> {
    return this.#posts.values()
  }

  /** Asks which sites there are, when that was some seconds ago. */
  async visit(): Promise<void> {
    if (Date.now() - this.#askedAt < sitesEvery && this.#posts.size > 0) return
    this.#askedAt = Date.now()
    const sites = new Set(await this.#sites())
    for (const [site, post] of this.#posts)
      if (!sites.has(site) && post.isIdle) {
        this.#posts.delete(site)
        await this.leave(post)
      }
    for (const site of sites) if (!this.#posts.has(site)) this.#posts.set(site, await this.#newPost(site))
  }

  /** Has the next visit ask whatever the time: a site is not what it was. */
  doubt(): void {
    this.#askedAt = 0
  }

  /** The sites, each time beginning with another one. */
  inTurn(): Post[] {
    const posts = [...this.#posts.values()]
    const from = posts.length === 0 ? 0 : this.#turn++ % posts.length
    return [...posts.slice(from), ...posts.slice(0, from)]
  }

  async leave(post: Post): Promise<void> {
    post.stopListening()
    await post.queue.close().catch((error) => post.site.log.debug({ err: error }, 'a queue was not closed properly'))
  }

  clear(): void {
    this.#posts.clear()
  }

  async #newPost(site: Site): Promise<Post> {
    const wake = (): void => {
      const post = this.#posts.get(site)
      if (post) post.isDirty = true
      this.#onWork()
    }
    return new Post(site, await openQueue(site), onWork(site, wake))
  }
}
