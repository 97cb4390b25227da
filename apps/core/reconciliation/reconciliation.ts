import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import { defineMethod, roles } from '#kernel/methods/method.ts'
import { approve, forgetLogs, resolve, runAll, runOne, statusOf } from '#kernel/reconciliation/manage.ts'
import { reconciliationsOf } from '#kernel/reconciliation/reconciliation.ts'
import { type ReconcileInput, reconcile, reconcileAttempts } from '#kernel/reconciliation/run.ts'
import { fileContents } from './checks/file-contents.ts'
import { orphanRecords } from './checks/orphan-records.ts'
import { mailQueue, webhookQueue } from './checks/outbox.ts'
import { searchDrift } from './checks/search-drift.ts'
import { staleSagas } from './checks/stale-sagas.ts'

const path = 'dartwing_company.tasks.reconciliation'
const name = Type.String({ minLength: 1, maxLength: 140 })
const reason = Type.String({ minLength: 3, maxLength: 500, pattern: '\\S' })
const org = Type.Optional(Type.String({ minLength: 1, maxLength: 140 }))
const dryRun = Type.Optional(Type.Boolean())

const optionsOf = (input: { org?: string; dry_run?: boolean }) => ({
  ...(input.org && { organization: input.org }),
  ...(input.dry_run && { isDry: true }),
})

/** One reconciliation at a path of its own. */
const shortcut = (end: string, reconciliation: string, summary: string) =>
  defineMethod({
    path: `${path}.${end}`,
    summary,
    verbs: ['POST'],
    input: Type.Object({ dry_run: dryRun }),
    rule: roles('System Manager'),
    handler: async (ctx, input) => ({ job: await runOne(ctx, reconciliation, optionsOf(input)) }),
  })

/** What looks whether things that should agree still do, and the logs of it (Reconciliation Log). */
export const reconciliationPart: AppPart = {
  reconciliations: [mailQueue, webhookQueue, fileContents, searchDrift, staleSagas, orphanRecords],
  jobs: {
    reconcile: {
      queue: 'long',
      attempts: reconcileAttempts,
      asSystem: 'reconciles what should agree',
      run: async (ctx, input, job) => {
        // A schedule says only which; what a person may ask for came through the methods below.
        const asked = typeof input.of === 'string' ? { name: input.of } : (input as unknown as ReconcileInput)
        return { log: await reconcile(ctx, asked, job) }
      },
    },
    'forget-reconciliations': { run: async (ctx) => ({ logs: await forgetLogs(ctx) }) },
  },
  schedules: [{ every: 'weekly', job: 'forget-reconciliations' }],
  siteSchedules: (site) => reconciliationsOf(site).map((one) => ({ every: one.every, job: 'reconcile', of: one.name })),
  methods: [
    defineMethod({
      path: `${path}.run_all`,
      summary: 'Runs every reconciliation now, or those that can be run for one organization. Answers with the jobs by reconciliation.',
      verbs: ['POST'],
      input: Type.Object({ org, dry_run: dryRun }),
      rule: roles('System Manager'),
      handler: async (ctx, input) => ({ jobs: await runAll(ctx, optionsOf(input)) }),
    }),
    defineMethod({
      path: `${path}.run`,
      summary: 'Runs one reconciliation now.',
      verbs: ['POST'],
      input: Type.Object({ name, org, dry_run: dryRun }),
      rule: roles('System Manager'),
      handler: async (ctx, input) => ({ job: await runOne(ctx, input.name, optionsOf(input)) }),
    }),
    defineMethod({
      path: `${path}.status`,
      summary: 'What reconciliations found and put right lately, and what waits for a person.',
      verbs: ['GET'],
      input: Type.Object({}),
      rule: roles('System Manager'),
      handler: (ctx) => statusOf(ctx),
    }),
    defineMethod({
      path: `${path}.heal`,
      summary: 'Puts right what a run held back because it was too much to do so without a person.',
      verbs: ['POST'],
      input: Type.Object({ log: name, reason }),
      rule: roles('System Manager'),
      handler: async (ctx, input) => ({ job: await approve(ctx, input.log, input.reason) }),
    }),
    defineMethod({
      path: `${path}.resolve`,
      summary: 'Notes that a person has dealt with what a run found, and how.',
      verbs: ['POST'],
      input: Type.Object({ log: name, reason }),
      rule: roles('System Manager'),
      handler: (ctx, input) => resolve(ctx, input.log, input.reason),
    }),
    shortcut('cleanup.cleanup_stale_sagas', 'stale_saga_cleanup', 'Looks for sagas that nobody drives, and has them go on.'),
    shortcut('cleanup.cleanup_orphan_records', 'orphan_records', 'Looks for links to documents that do not exist.'),
  ],
}
