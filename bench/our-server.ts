import { pino } from 'pino'
import { createServer } from '#server/http/server.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { settleMemory } from '#server/settle-memory.ts'
import { reportToParent } from './measured-process.ts'

const settings = JSON.parse(process.argv[2] ?? '{}') as { sitesFolder: string; appFolders: string[]; site?: string; open?: string[] }

const runtime = await openRuntime({ sitesFolder: settings.sitesFolder, appFolders: settings.appFolders, log: pino({ level: 'error' }) })
for (const host of settings.open ?? []) await runtime.site(host)
const server = createServer(runtime, settings.site ? { site: settings.site } : {})
await server.listen({ port: 0, host: '127.0.0.1' })
// As serve does.
settleMemory()
const address = server.server.address()

reportToParent(typeof address === 'object' && address ? address.port : 0, async () => {
  await server.close()
  await runtime.close()
})
