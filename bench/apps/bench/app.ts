import { defineApp } from '#kernel/apps/app.ts'
import { verifyStandard } from '#kernel/webhooks/verify.ts'

/** Tickets of a helpdesk, as plain as they come: what `npm run bench` measures. */
export default defineApp({
  name: 'bench',
  title: 'Bench',
  version: '1.0.0',
  requires: ['company'],
  roles: ['Bench Agent', 'Bench Manager'],
  jobs: {
    nothing: { run: async () => undefined },
    /** Tells when it started, in milliseconds since 1970. */
    started: { run: async () => Date.now() },
    heard: { asSystem: 'the sender was verified', run: async () => undefined },
  },
  webhooks: [{ name: 'bench', verify: verifyStandard, key: ({ headers }) => headers['webhook-id'], job: 'heard' }],
  schedules: [{ every: 'all', job: 'nothing' }],
})
