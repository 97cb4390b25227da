import { Type } from 'typebox'
import { where } from '#client/rules/predicate.ts'
import { adapterNamed } from '#kernel/adapters/adapter.ts'
import { decideConflict, readConflict } from '#kernel/adapters/conflicts.ts'
import { connectionDoctype } from '#kernel/adapters/connection.ts'
import { AdapterBusy } from '#kernel/adapters/errors.ts'
import { resultOf } from '#kernel/adapters/result.ts'
import { pullAttempts, pullRun, runDoctype, startRun } from '#kernel/adapters/run.ts'
import { undoLater, undoRun } from '#kernel/adapters/undo.ts'
import type { AppPart, ScheduleDefinition } from '#kernel/apps/app.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { defineMethod, roles } from '#kernel/methods/method.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import type { Site } from '#kernel/sites/site.ts'

const name = Type.String({ minLength: 1, maxLength: 140 })
const asSystem = 'takes over records of another system'
const schedulesKey = 'adapters:schedules'

/** Enabled connections pull as often as their adapter says. */
async function connectionSchedules(site: Site): Promise<readonly ScheduleDefinition[]> {
  const known = site.cache.config.get(schedulesKey) as readonly ScheduleDefinition[] | undefined
  if (known) return known
  const epoch = site.epoch.config
  const schedules = await site.asSystem('finds the connections that pull by themselves', async (ctx) => {
    if (!(await site.meta.exists(connectionDoctype))) return []
    const meta = await site.meta.get(connectionDoctype)
    const rows = await findRows(ctx, meta, where('enabled', '=', 1), { fields: ['name', 'adapter'] })
    return rows.flatMap((row) => {
      const every = everyOf(site, String(row.adapter))
      return every === undefined ? [] : [{ every, job: 'pull-adapter', of: row.name }]
    })
  })
  if (site.epoch.config === epoch) site.cache.config.set(schedulesKey, schedules)
  return schedules
}

/** Connections outlive the app that brought their adapter. */
function everyOf(site: Site, adapter: string): string | undefined {
  try {
    return adapterNamed(site, adapter).every
  } catch {
    return undefined
  }
}

const connectionChanged: DocumentListener = (ctx, document, extra) => {
  const before = extra?.before as Record<string, unknown> | undefined
  // The mark moves with every page; only what the schedules hang on counts.
  return before && before.enabled === document.enabled ? undefined : bumpEpoch(ctx, 'config')
}

/** Records of other systems: accounts there (Adapter Connection), runs, what became of each record, and what people must decide. */
export const adaptersPart: AppPart = {
  events: {
    [connectionDoctype]: {
      validate: (ctx, document) => void adapterNamed(ctx.site, String(document.adapter)),
      on_change: connectionChanged,
    },
  },
  jobs: {
    'pull-adapter-run': {
      queue: 'long',
      attempts: pullAttempts,
      backoff: 30,
      asSystem,
      run: (ctx, { run }, job) => pullRun(ctx, String(run), job),
    },
    'undo-adapter-run': { queue: 'long', attempts: 5, backoff: 10, asSystem, run: (ctx, { run }, job) => undoRun(ctx, String(run), job) },
    'pull-adapter': {
      run: async (ctx, { of }) => {
        try {
          return { run: await startRun(ctx, String(of), 'incremental') }
        } catch (error) {
          // The run before takes its time: the next tick is soon enough.
          if (AdapterBusy.is(error)) return { busy: true }
          throw error
        }
      },
    },
  },
  siteSchedules: connectionSchedules,
  methods: [
    defineMethod({
      path: 'orchestrator.adapters.run',
      summary: 'Begins to take over the records of a connection: what is new, or everything; or only says what would change.',
      verbs: ['POST'],
      input: Type.Object({
        connection: name,
        sync_type: Type.Optional(Type.Union([Type.Literal('full'), Type.Literal('incremental')])),
        dry_run: Type.Optional(Type.Boolean()),
      }),
      rule: roles('System Manager'),
      handler: async (ctx, { connection, sync_type: mode = 'incremental', dry_run: isDry = false }) => {
        await getDocument(ctx, connectionDoctype, connection)
        return { run: await startRun(ctx, connection, mode, isDry) }
      },
    }),
    defineMethod({
      path: 'orchestrator.adapters.result',
      summary: 'How many records a run imported, updated and skipped, and which it could not take.',
      verbs: ['GET'],
      input: Type.Object({ run: name }),
      rule: roles('System Manager'),
      handler: (ctx, { run }) => resultOf(ctx, run),
    }),
    defineMethod({
      path: 'orchestrator.adapters.undo',
      summary: 'Takes back what a run changed, where nobody has changed it since.',
      verbs: ['POST'],
      input: Type.Object({ run: name, reason: Type.String({ minLength: 3, maxLength: 500, pattern: '\\S' }) }),
      rule: roles('System Manager'),
      handler: async (ctx, { run, reason }) => {
        await getDocument(ctx, runDoctype, run)
        return { job: await undoLater(ctx, run, reason) }
      },
    }),
    defineMethod({
      path: 'orchestrator.adapters.conflict',
      summary: 'Both sides of a conflict: the fields of the document that the caller may read.',
      verbs: ['GET'],
      input: Type.Object({ conflict: name }),
      rule: roles('System Manager'),
      handler: (ctx, { conflict }) => readConflict(ctx, conflict),
    }),
    defineMethod({
      path: 'orchestrator.adapters.decide',
      summary: 'Says which side of a conflict counts. Needs the right to write the document.',
      verbs: ['POST'],
      input: Type.Object({ conflict: name, decision: Type.Union([Type.Literal('ours'), Type.Literal('theirs')]) }),
      rule: roles('System Manager'),
      handler: (ctx, { conflict, decision }) => decideConflict(ctx, conflict, decision),
    }),
  ],
}
