import { setTimeout as pause } from 'node:timers/promises'
import { defineApp } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { insert } from '#kernel/documents/save.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'

const note = (ctx: Context, text: unknown) => insert(ctx, 'ToDo', { description: String(text) })

/** The app of the jobs contract: each job leaves ToDos behind, so that a test can count what took effect. */
export default defineApp({
  name: 'busy',
  title: 'Busy',
  version: '1.0.0',
  jobs: {
    note: { run: async (ctx, { text }) => void (await note(ctx, text)) },
    whoami: { run: async (ctx) => ({ user: ctx.user.name, scopes: ctx.user.scopes ?? null, unrestricted: ctx.user.unrestricted }) },
    elevated: { asSystem: 'the contract asks', run: async (ctx) => ({ unrestricted: ctx.user.unrestricted, elevation: ctx.elevation }) },
    /** Writes, and fails as often as it is told. */
    flaky: {
      backoff: 1,
      run: async (ctx, { text, failures }, job) => {
        await note(ctx, text)
        if (job.attempt <= Number(failures)) throw new Error(`attempt ${job.attempt} fails`)
        return job.attempt
      },
    },
    refused: {
      run: async () => {
        throw new PermissionDenied({ doctype: 'Secret', action: 'read' })
      },
    },
    /** Two steps with a failure, or a wait, between them. */
    steps: {
      backoff: 1,
      run: async (_ctx, { text, hangMs, failures }, job) => {
        const first = await job.step('first', async (own) => {
          await note(own, `${text} first`)
          return { attempt: job.attempt }
        })
        await job.progress(50, 'half of it')
        if (hangMs) await pause(Number(hangMs), undefined, { signal: job.signal })
        if (job.attempt <= Number(failures ?? 0)) throw new Error('between the steps')
        await job.step('second', (own) => note(own, `${text} second`).then(() => undefined))
        return first
      },
    },
    /** Takes its time and hears no signal, then writes: what a stalled worker does that wakes up. */
    stubborn: {
      run: async (ctx, { text, ms }, job) => {
        await pause(Number(ms))
        if (job.attempt === 1) await job.step('late', (own) => note(own, `${text} step`).then(() => undefined)).catch(() => undefined)
        await note(ctx, text)
      },
    },
    'step-after-write': {
      attempts: 1,
      run: async (ctx, { text }, job) => {
        await note(ctx, text)
        await job.step('late', async () => undefined)
      },
    },
    big: { run: async () => ({ text: 'x'.repeat(1_000_001) }), attempts: 1 },
  },
})
