import type { Context } from '#kernel/context/context.ts'
import { readyWire } from '#kernel/redis/wire.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { LiveEvent, Presence } from './event.ts'
import { nextId, relay } from './relay.ts'

/** A word as it goes through Redis. */
export interface Spoken {
  readonly id: string
  /** The processes that it is for. */
  readonly to: readonly string[]
  readonly word: LiveEvent | Presence
}

export function channelOf(site: Site): string {
  return `orc:${site.host}:live`
}

/**
 * Tells other processes once the change is durable. Through Redis where they share one that answers; fewer hearing it than should, it goes
 * through the database too, by the same id, so that nobody delivers it twice. Without Redis it is a row in the caller's transaction.
 */
export async function speak(ctx: Context, to: readonly string[], word: LiveEvent | Presence): Promise<void> {
  if (to.length === 0) return
  const { site } = ctx
  const wire = readyWire(site)
  const id = nextId()
  if (!wire) return relay(ctx, to, word, id)
  const message = JSON.stringify({ id, to, word } satisfies Spoken)
  ctx.afterCommit(async () => {
    const heard = await wire.publish(channelOf(site), message).catch(() => 0)
    if (heard < to.length) await site.asSystem('live events that Redis did not carry', (own) => relay(own, to, word, id))
  })
}
