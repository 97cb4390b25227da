import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import { insert } from '#kernel/documents/save.ts'
import { fileStoreOf } from '#kernel/files/file-store.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { readJobs } from '#kernel/jobs/manage.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { createSite } from '#kernel/sites/create-site.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { writeCsv } from '#kernel/tabular/csv-write.ts'
import { writeXlsx } from '#kernel/tabular/xlsx-write.ts'
import type { Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

const columns = ['Title', 'Amount', 'Quantity', 'Day', 'Note', 'Status'].map((label) => ({ label }))

function* rows(count: number): Generator<unknown[]> {
  for (let number = 1; number <= count; number++)
    yield [`Row ${number}`, `${number % 1000}.25`, number % 50, '2026-11-20', 'a note of some words, as people write them', 'Open']
}

/**
 * Imports a file of a plain DocType of six fields as a worker does it: parsed, checked, stored with history and log, committed to the disk in batches.
 * Memory is compared with that of half the file.
 */
export async function importSpeed(count: number): Promise<Finding[]> {
  const sitesFolder = await temporarySites()
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  try {
    const { site } = await createSite(runtime, {
      host: `bench-import-${process.pid}.localhost`,
      adminPassword: 'fake-Administrator-pass-1',
    })
    await site.asSystem('bench', (ctx) => insert(ctx, 'DocType', plainRow))
    await site.freshen()
    await imported(site, 'warm.csv', Math.ceil(count / 20))
    const half = await imported(site, 'half.csv', Math.ceil(count / 2))
    const csv = await imported(site, 'large.csv', count)
    const xlsx = await imported(site, 'large.xlsx', count)
    const about = { engine: 'sqlite' } as const
    const words = `import of ${count.toLocaleString('en')} rows`
    return [
      { ...about, what: `${words}, CSV`, unit: 'rows per second', ours: csv.rate, limit: 5000, compares: 'at least' },
      { ...about, what: `${words}, Excel`, unit: 'rows per second', ours: xlsx.rate, compares: 'at least' },
      {
        ...about,
        what: `${words}: memory beyond that of half of them`,
        unit: 'MB',
        ours: Math.max(0, csv.peak - half.peak),
        limit: 40,
        compares: 'at most',
      },
      {
        ...about,
        what: `${words}, Excel: memory beyond that of CSV`,
        unit: 'MB',
        ours: Math.max(0, xlsx.peak - csv.peak),
        compares: 'at most',
      },
    ]
  } finally {
    await runtime.close()
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}

const plainRow = {
  name: 'Bench Row',
  module: 'Core',
  custom: 1,
  allow_import: 1,
  autoname: 'hash',
  fields: [
    { fieldname: 'title', fieldtype: 'Data', label: 'Title', reqd: 1 },
    { fieldname: 'amount', fieldtype: 'Currency', label: 'Amount' },
    { fieldname: 'quantity', fieldtype: 'Int', label: 'Quantity' },
    { fieldname: 'day', fieldtype: 'Date', label: 'Day' },
    { fieldname: 'note', fieldtype: 'Small Text', label: 'Note' },
    { fieldname: 'status', fieldtype: 'Select', label: 'Status', options: 'Open\nClosed' },
  ],
  permissions: [{ role: 'System Manager', read: 1, write: 1, create: 1, import: 1 }],
}

/** @returns rows per second, and the most memory the process had meanwhile, in MB */
async function imported(site: OpenSite, name: string, count: number): Promise<{ rate: number; peak: number }> {
  const local = join(site.folder, name)
  await writeFile(local, name.endsWith('.xlsx') ? writeXlsx(columns, rows(count)) : writeCsv(columns, rows(count)))
  await fileStoreOf(site).place({ name, isPrivate: true }, local)
  const id = await site.asSystem('bench', async (ctx) => {
    const import_file = `/private/files/${name}`
    await insert(ctx, 'File', { file_name: name, file_url: import_file, is_private: 1 })
    const { name: data_import } = await insert(ctx, 'Data Import', {
      reference_doctype: 'Bench Row',
      import_type: 'Insert New Records',
      import_file,
    })
    return (await enqueue(ctx.as({ ...ctx.user, name: 'Administrator' }), 'core.import-data', { data_import })).id
  })
  globalThis.gc?.()
  let peak = 0
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss() / 1e6)
  }
  const watch = setInterval(look, 50)
  const began = performance.now()
  await new Worker({ sites: async () => [site], pollMs: 20 }).drain()
  const seconds = (performance.now() - began) / 1000
  clearInterval(watch)
  look()
  const [row] = (await readJobs(site, { states: ['finished'], limit: 20 })).filter((one) => one.id === id)
  const result = JSON.parse(row?.result ?? '{}') as { stored?: number }
  if (result.stored !== count) throw new Error(`The import stored ${result.stored ?? row?.error} of ${count} rows.`)
  return { rate: count / seconds, peak }
}
