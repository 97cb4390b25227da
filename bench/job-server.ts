import { pino } from 'pino'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { startBackground } from '#server/worker.ts'
import { reportToParent } from './measured-process.ts'

const settings = JSON.parse(process.argv[2] ?? '{}') as { sitesFolder: string; appFolders: string[]; site: string }

const runtime = await openRuntime({ sitesFolder: settings.sitesFolder, appFolders: settings.appFolders, log: pino({ level: 'error' }) })
const end = startBackground(runtime, { scheduler: false, site: settings.site })

reportToParent(0, async () => {
  await end()
  await runtime.close()
})
