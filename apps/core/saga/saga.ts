import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { defineMethod, roles } from '#kernel/methods/method.ts'
import { driveSaga } from '#kernel/saga/drive.ts'
import { monitorSagas } from '#kernel/saga/monitor.ts'
import { sagaDoctype } from '#kernel/saga/saga-log.ts'
import { cancelSaga, retrySaga, resolveSaga } from '#kernel/saga/start.ts'
import { reviveSaga, strandedSagas } from '#kernel/saga/watch.ts'

const saga = Type.String({ minLength: 1, maxLength: 140 })
const reason = Type.String({ minLength: 3, maxLength: 500, pattern: '\\S' })

/** Whoever acts on a saga must be able to see it: those of other organizations are none. */
async function seen(ctx: Context, name: string): Promise<string> {
  return (await getDocument(ctx, sagaDoctype, name)).name
}

/** Sagas (Saga Log, Saga Step), what drives them, and what people do with those that failed. */
export const sagaPart: AppPart = {
  jobs: {
    // Its own failures are those of the machinery: what a step meets is the saga's affair.
    'run-saga': {
      timeout: 300,
      attempts: 10,
      asSystem: 'drives a saga',
      run: async (_ctx, { saga: name }, job) => driveSaga(String(name), job),
    },
    'watch-sagas': {
      run: async (_ctx, _input, job) => {
        let revived = 0
        for (let after: string | undefined = ''; after !== undefined; ) {
          const from: string = after
          const batch = await job.step(`look after ${from}`, (ctx) => strandedSagas(ctx, from))
          for (const name of batch.names) if (await job.step(`revive ${name}`, (ctx) => reviveSaga(ctx, name))) revived++
          after = batch.last
        }
        return { revived }
      },
    },
  },
  schedules: [{ every: 'all', job: 'watch-sagas' }],
  methods: [
    defineMethod({
      path: 'dartwing_company.api.v1.saga.status',
      summary: 'How the sagas of the last day and week went, and which need somebody.',
      verbs: ['GET'],
      input: Type.Object({}),
      rule: roles('System Manager'),
      handler: (ctx) => monitorSagas(ctx),
    }),
    defineMethod({
      path: 'dartwing_company.api.v1.saga.retry',
      summary: 'Goes on undoing a saga that failed, or starts one anew that was undone. Answers with the name of the log that goes on.',
      verbs: ['POST'],
      input: Type.Object({ saga, reason }),
      rule: roles('System Manager'),
      handler: async (ctx, input) => ({ saga: await retrySaga(ctx, await seen(ctx, input.saga), input.reason) }),
    }),
    defineMethod({
      path: 'dartwing_company.api.v1.saga.mark_resolved',
      summary: 'Notes that a person has put right what a failed saga left behind, and how.',
      verbs: ['POST'],
      input: Type.Object({ saga, reason }),
      rule: roles('System Manager'),
      handler: async (ctx, input) => resolveSaga(ctx, await seen(ctx, input.saga), input.reason),
    }),
    defineMethod({
      path: 'dartwing_company.api.v1.saga.cancel',
      summary: 'Has a running saga turn back.',
      verbs: ['POST'],
      input: Type.Object({ saga, reason }),
      rule: roles('System Manager'),
      handler: async (ctx, input) => cancelSaga(ctx, await seen(ctx, input.saga), input.reason),
    }),
  ],
}
