import { defineApp } from '#kernel/apps/app.ts'
import type { ChannelMessage } from '#kernel/notifications/channel.ts'

/** What the pager showed, and how often it is to fail first. */
export const pager: { shown: ChannelMessage[]; failures: number } = { shown: [], failures: 0 }

/** An app that brings a way to reach people: a pager that only `ann@example.com` carries. */
export default defineApp({
  name: 'pager',
  title: 'Pager',
  version: '1.0.0',
  channels: {
    push: {
      canReach: async (_ctx, user) => user === 'ann@example.com',
      send: async (_ctx, message) => {
        if (pager.failures-- > 0) throw new Error('the network is away')
        pager.shown.push(message)
      },
    },
  },
})
