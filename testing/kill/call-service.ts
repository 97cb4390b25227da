/** Calls a service five times at once when told to, and prints how it went: `node call-service.ts SITES HOST SERVICE PORT APPS…`. */
import { once } from 'node:events'
import { pino } from 'pino'
import { callService } from '#kernel/external/call-service.ts'
import { ServiceUnavailable } from '#kernel/external/errors.ts'
import { safeFetch } from '#kernel/external/safe-fetch.ts'
import { defineService } from '#kernel/external/service.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'

const [sitesFolder, host, name, port, ...appFolders] = process.argv.slice(2) as [string, string, string, string, ...string[]]
const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
const site = await runtime.site(host)
const service = defineService({
  name,
  degraded: 'Nothing.',
  timeoutMs: 20_000,
  retry: { attempts: 1 },
  breaker: { failures: 1, openMs: 50 },
})
const allowing = { config: { ...site.config, external_allow: ['127.0.0.1'] } }
process.stdout.write('ready\n')
await once(process.stdin, 'data')
const outcomes = await Promise.all(
  Array.from({ length: 5 }, () =>
    callService(site, service, 'get', async (signal) => {
      const { status } = await safeFetch(allowing, `http://127.0.0.1:${port}/`, { signal, timeoutMs: 20_000 })
      return status === 200 ? 'ok' : 'failed'
    }).catch((error: unknown) => (ServiceUnavailable.is(error) ? 'refused' : `failed ${error}`)),
  ),
)
process.stdout.write(outcomes.join(','))
await runtime.close()
process.exit(0)
