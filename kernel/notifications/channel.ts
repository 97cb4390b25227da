import type { Context } from '#kernel/context/context.ts'
import { partsOf } from '#kernel/apps/apps.ts'

/** Ways to reach somebody outside the platform, beside mail. */
export type OutsideChannel = 'push' | 'sms'

/** What a person is told through such a channel: plain text, short. */
export interface ChannelMessage {
  readonly user: string
  readonly subject: string
  readonly text: string
  /** Address of the document's form; '' without one. */
  readonly url: string
  /** The same for each try: what a service uses to send once. */
  readonly key: string
}

/** Sends through one service. An app declares it under `channels` in one of its parts. */
export interface ChannelDriver {
  /** Whether it is set up on this site and could reach this user. */
  canReach(ctx: Context, user: string): Promise<boolean>
  /**
   * Called by a job, outside of any transaction; an error makes the job try again.
   * @param signal aborted when the job's time is up
   */
  send(ctx: Context, message: ChannelMessage, signal: AbortSignal): Promise<void>
}

/** The driver of a channel; undefined: no app of the site brings one, and nothing is sent that way. */
export function channelDriver(ctx: Context, channel: OutsideChannel): ChannelDriver | undefined {
  for (const part of ctx.site.apps.all.flatMap(partsOf)) {
    const driver = part.channels?.[channel]
    if (driver) return driver
  }
  return undefined
}
