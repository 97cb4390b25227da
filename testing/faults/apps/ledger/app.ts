import { Type } from 'typebox'
import { defineApp, type JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { defineMethod, roles } from '#kernel/methods/method.ts'
import { readWebhook } from '#kernel/webhooks/receive.ts'
import { verifyStandard } from '#kernel/webhooks/verify.ts'
import { orderSaga } from './order-saga.ts'
import { askOutside, outside } from './outside.ts'

/** Schedules that come every minute: each tick of each may leave one effect. */
const minuteSchedules = 12

const effect = (ctx: Context, kind: string, source: string) => insert(ctx, 'Ledger Effect', { kind, source }).then(() => undefined)

/** Two steps, the first of which calls outside, and an end: each leaves one effect, whatever happens to the workers. */
const apply: JobDefinition = {
  asSystem: 'the fault suite',
  attempts: 50,
  backoff: 1,
  run: async (_ctx, { entry, ref }, job) => {
    await job.step('outside', async (ctx) => {
      await askOutside(ctx, 'apply', `${job.id}:outside`, 'job', String(ref))
      await effect(ctx, 'job-outside', String(entry))
    })
    await job.step('second', (ctx) => effect(ctx, 'job-second', String(entry)))
    await effect(_ctx, 'job-end', String(entry))
  },
}

/** What another system tells of a thing: counted once per event, and the newest wins in whatever order they come. */
const takeEvent: JobDefinition = {
  asSystem: 'the sender was verified',
  attempts: 50,
  backoff: 1,
  run: async (ctx, { event }) => {
    const { json } = await readWebhook(ctx, String(event))
    const { id, thing, sequence } = json as { id: string; thing: string; sequence: number }
    const state = await openForWrite(ctx, 'Ledger Counter', thing)
    await save(ctx, state, { total: Number(state.total) + 1, last_sequence: Math.max(Number(state.last_sequence), sequence) })
    await effect(ctx, 'event', id)
  },
}

/** What the fault suite does to a site: entries with consequences of every kind, each of which can be counted afterwards. */
export default defineApp({
  name: 'ledger',
  title: 'Ledger',
  version: '1.0.0',
  roles: ['Ledger Clerk'],
  services: [outside],
  sagas: [orderSaga],
  jobs: {
    apply,
    'take-event': takeEvent,
    tick: {
      asSystem: 'the fault suite',
      attempts: 50,
      backoff: 1,
      run: (ctx, _input, job) => effect(ctx, 'tick', job.id),
    },
  },
  siteSchedules: () => Array.from({ length: minuteSchedules }, (_, n) => ({ every: '* * * * *', job: 'tick', of: `beat ${n}` })),
  webhooks: [
    { name: 'ledger-bank', verify: verifyStandard, key: ({ json }) => (json as { id?: string } | undefined)?.id, job: 'take-event' },
  ],
  methods: [
    defineMethod({
      path: 'ledger.post',
      summary: 'Inserts an entry and submits it, in one transaction.',
      verbs: ['POST'],
      input: Type.Object({ client_ref: Type.String(), amount: Type.Integer(), wants: Type.String(), parts: Type.Array(Type.Integer()) }),
      rule: roles('Ledger Clerk'),
      handler: async (ctx, { parts, ...values }) => {
        const { name } = await insert(ctx, 'Ledger Entry', { ...values, rows: parts.map((part) => ({ part })) })
        await submit(ctx, await openForWrite(ctx, 'Ledger Entry', name))
        return { name }
      },
    }),
    defineMethod({
      path: 'ledger.raise',
      summary: 'Adds one to a counter.',
      verbs: ['POST'],
      input: Type.Object({ counter: Type.String() }),
      rule: roles('Ledger Clerk'),
      handler: async (ctx, { counter }) => {
        const document = await openForWrite(ctx, 'Ledger Counter', counter)
        await save(ctx, document, { total: Number(document.total) + 1 })
        return { total: document.total }
      },
    }),
  ],
})
