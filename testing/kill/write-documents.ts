/**
 * Writes documents for ever, to be killed: `node write-documents.ts SITES HOST APPS…`. Prints a line for each that was acknowledged:
 * `inserted|submitted NAME`.
 */
import { pino } from 'pino'
import { insert, openForWrite, submit } from '#kernel/documents/save.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'

const [sitesFolder, host, ...appFolders] = process.argv.slice(2) as [string, string, ...string[]]
const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
const site = await runtime.site(host)

async function write(writer: number): Promise<never> {
  for (let round = 0; ; round++) {
    const count = 1 + ((writer + round) % 5)
    const rows = Array.from({ length: count }, (_, index) => ({ word: `row ${index}`, qty: count }))
    const { name } = await site.asSystem('kill test', (ctx) => insert(ctx, 'Rite', { title: `${count}`, rows }))
    process.stdout.write(`inserted ${name}\n`)
    if (round % 2 === 0) continue
    await site.asSystem('kill test', async (ctx) => submit(ctx, await openForWrite(ctx, 'Rite', name)))
    process.stdout.write(`submitted ${name}\n`)
  }
}

await Promise.all([1, 2, 3, 4].map((writer) => write(writer)))
