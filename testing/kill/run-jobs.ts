/** Works for ever, to be killed: `node run-jobs.ts SITES HOST LEASE_MS APPS…`. */
import { pino } from 'pino'
import { Worker } from '#kernel/jobs/worker.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'

const [sitesFolder, host, leaseMs, ...appFolders] = process.argv.slice(2) as [string, string, string, ...string[]]
const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
const site = await runtime.site(host)
new Worker({ sites: async () => [site], leaseMs: Number(leaseMs), pollMs: 50 }).start()
process.stdout.write('working\n')
