import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pino } from 'pino'
import { textOfInstant } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insertRows, type Writer } from '#kernel/documents/rows.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { createSite, dropSite } from '#kernel/sites/create-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import type { Engine, Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

/** How long the deadlines of so many open tickets take to follow a change of opening hours, from the save to the last row. */
export async function slaSpeed({ engine, url }: { engine: Engine; url?: string }, tickets: number): Promise<Finding[]> {
  const sitesFolder = await temporarySites()
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  const host = `bench-helpdesk-${process.pid}.localhost`
  try {
    const { site } = await createSite(runtime, {
      host,
      adminPassword: 'fake-Administrator-pass-1',
      dbType: engine,
      installApps: ['helpdesk'],
      ...(engine === 'sqlite' ? { config: { durable: false } } : {}),
      ...(url ? { dbUrl: url } : {}),
    })
    await site.asSystem('bench data', async (ctx) => {
      await insert(ctx, 'Organization', { organization_name: 'North', time_zone: 'Europe/Berlin' })
      await insert(ctx, 'SLA Policy', { policy_name: 'All', organization: 'North', apply_to_all: 1 })
    })
    const created = site.clock.now() - 86_400_000
    for (let start = 0; start < tickets; start += 100)
      await site.asSystem('bench data', async (ctx) => {
        await ctx.db.begin()
        const writer = ctx.db as unknown as Writer
        const zeros = { escalation_level: 0, sentiment_score: 0, total_pause_duration: 0 }
        const numbers = Array.from({ length: Math.min(100, tickets - start) }, (_, n) => start + n)
        const standard = {
          creation: textOfInstant(created),
          modified: textOfInstant(created),
          owner: 'Administrator',
          modified_by: 'Administrator',
        }
        const row = (name: string, values: object) => ({ name, docstatus: 0, idx: 0, ...standard, ...values }) as unknown as AnyDocument
        await insertRows(
          writer,
          await ctx.site.meta.get('Service Ticket'),
          numbers.map((n) =>
            row(`BENCH-${n}`, {
              organization: 'North',
              subject: `Ticket ${n}`,
              status: 'Open',
              priority: 'Normal',
              sla_policy: 'All',
              ...zeros,
            }),
          ),
        )
        await insertRows(
          writer,
          await ctx.site.meta.get('Ticket Event'),
          numbers.flatMap((n) =>
            ['created', 'pause', 'resume', 'assigned'].map((type, index) =>
              row(`BENCH-${n}-${index}`, {
                organization: 'North',
                ticket: `BENCH-${n}`,
                sequence: index + 1,
                at: textOfInstant(created + index * 600_000 + (n % 1000) * 1000),
                type,
                detail: type === 'created' ? 'Normal' : null,
              }),
            ),
          ),
        )
      })
    const started = performance.now()
    await site.asSystem('bench', async (ctx) =>
      save(ctx, await openForWrite(ctx, 'SLA Policy', 'All'), { business_hours_start: '08:00:00' }),
    )
    await new Worker({ sites: async () => [site], pollMs: 50 }).drain()
    const seconds = (performance.now() - started) / 1000
    return [
      {
        engine,
        what: `deadlines of ${tickets.toLocaleString('en')} open tickets follow new hours`,
        unit: 's',
        ours: seconds,
        ...(engine === 'sqlite' ? { limit: 5 } : {}),
        compares: 'at most',
      },
    ]
  } finally {
    await dropSite(runtime, host).catch(() => undefined)
    await runtime.close()
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}
