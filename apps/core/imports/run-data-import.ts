import { AppError } from '#client/rules/errors.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import type { ImportPlan } from '#kernel/imports/import-plan.ts'
import { type ImportCounts, runImport } from '#kernel/imports/run-import.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { publish } from '#kernel/realtime/publish.ts'
import { forgetOutcomes, noteOutcomes, storedRows } from './import-log.ts'
import { withPlan } from './import-file.ts'

const noting = 'notes how far an import came'

/** Imports the file of a Data Import with the rights of whoever started it. */
export const importData: JobDefinition = {
  queue: 'long',
  attempts: 10,
  run: async (ctx, input, job) => {
    const name = String(input.data_import)
    const isTrial = input.trial === true
    const document = await getDocument(ctx, 'Data Import', name)
    try {
      return await withPlan(ctx, document, (plan) => importPlanned(ctx, plan, job, { name, isTrial, document }))
    } catch (error) {
      // What is wrong with the file or with one's rights will be wrong again.
      if (!(error instanceof AppError) || error.status >= 500 || error.code.startsWith('jobs/')) throw error
      const warnings = JSON.stringify([{ type: 'error', code: error.code, message: error.message }])
      await end(ctx, name, { status: isTrial ? document.status : 'Error', template_warnings: warnings })
      return { error: error.code }
    }
  },
}

interface Of {
  readonly name: string
  readonly isTrial: boolean
  readonly document: Record<string, unknown>
}

async function importPlanned(ctx: Context, plan: ImportPlan, job: JobRun, { name, isTrial, document }: Of): Promise<ImportCounts> {
  await job.step('begin', async (own) => {
    await forgetOutcomes(own, name)
    const values = { payload_count: plan.total, template_warnings: JSON.stringify(plan.warnings) }
    await writeThrough(own.asSystem(noting), 'Data Import', name, values)
  })
  const done = isTrial ? new Set<number>() : await storedRows(ctx, name, job.id)
  const counts = await runImport(plan, job, {
    submit: Boolean(document.submit_after_import),
    muteMails: Boolean(document.mute_emails),
    trial: isTrial,
    done,
    note: (own, outcomes) => noteOutcomes(own, { dataImport: name, job: job.id, isTrial }, outcomes),
    tell: (own, rows) =>
      publish(own, 'data_import_progress', { data_import: name, current: rows, total: plan.total }, { user: own.user.name }),
  })
  if (isTrial) await end(ctx, name, {})
  else await end(ctx, name, { status: statusOf({ stored: counts.stored + done.size, refused: counts.refused }) })
  return counts
}

function statusOf({ stored, refused }: ImportCounts): string {
  if (refused === 0) return 'Success'
  return stored === 0 ? 'Error' : 'Partial Success'
}

async function end(ctx: Context, name: string, values: Record<string, unknown>): Promise<void> {
  await writeThrough(ctx.asSystem(noting), 'Data Import', name, { ...values, job: null }, { touch: true })
  await publish(ctx, 'data_import_refresh', { data_import: name }, { user: ctx.user.name })
}
