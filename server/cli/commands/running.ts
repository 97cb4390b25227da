import { findMethod, callMethod } from '#kernel/methods/call.ts'
import type { Method, Verb } from '#kernel/methods/method.ts'
import { needsMigration } from '#kernel/sites/migrate.ts'
import { administrator, principalOf } from '#kernel/identity/principals.ts'
import { type Call, type Command, one, type Outcome, word } from '../command.ts'
import { defaultSite } from '../choose-site.ts'
import { BadUsage } from '../errors.ts'

export const runningCommands: readonly Command[] = [
  {
    name: 'start',
    summary: 'Serve one site, or every site by its host name, until a signal comes',
    arguments: [],
    options: {
      port: { value: 'N', summary: 'default: PORT, else 8000; 0 takes a free one' },
      bind: { value: 'ADDRESS', summary: 'default localhost, or BIND; 0.0.0.0 to be reached from elsewhere' },
      'trust-proxy': {
        value: 'ADDRESSES',
        summary: 'proxies in front whose X-Forwarded headers count, separated by commas; or TRUST_PROXY',
      },
      site: { value: 'HOST', summary: 'answer for this site whatever host name was asked for; default: every site by its host name' },
      'no-worker': { summary: 'run no jobs in this process; "orc worker" does' },
      'no-scheduler': { summary: 'run no schedules in this process' },
    },
    example: 'orc start --site crm.example.com --port 8000',
    run: start,
  },
  {
    name: 'execute',
    summary: 'Call a method as Administrator and print the result as JSON',
    arguments: [{ name: 'METHOD', summary: 'its path, such as frappe.client.get_count' }],
    options: {
      kwargs: { value: 'JSON', summary: 'its parameters, an object; "-" reads them from standard input' },
      user: { value: 'USER', summary: 'call it as this user, with no more rights than theirs' },
    },
    onSite: true,
    example: `orc execute frappe.client.get_count --kwargs '{"doctype":"ToDo"}' --site crm.example.com`,
    run: execute,
  },
  {
    name: 'console',
    summary: 'Type JavaScript with the documents of a site at hand',
    arguments: [],
    options: { user: { value: 'USER', summary: 'work as this user, with their rights; default: Administrator' } },
    onSite: true,
    example: `echo "await count('ToDo')" | orc console --site crm.example.com`,
    run: openConsole,
  },
]

async function start(call: Call): Promise<undefined> {
  const port = portNumber(one(call.options, 'port') ?? call.terminal.env.PORT ?? '8000')
  const bind = one(call.options, 'bind') ?? call.terminal.env.BIND
  const host = one(call.options, 'site')
  const runtime = await call.runtime()
  const { keepFigures, keepsFigures, readOpsSettings } = await import('#server/observability/operate.ts')
  const ops = readOpsSettings(call.terminal.env)
  if (keepsFigures(ops)) keepFigures(runtime, ops)
  // Opened before anybody knocks, so that a broken site is told here and not to the first visitor.
  if (host && (await needsMigration(await runtime.site(host))))
    call.terminal.note(`The apps' code is newer than ${host}. Run: orc migrate --site ${host}`)
  const { serve } = await import('#server/serve.ts')
  const preset = defaultSite(runtime.sitesFolder)
  const trustProxy = one(call.options, 'trust-proxy') ?? call.terminal.env.TRUST_PROXY
  const serving = await serve(runtime, {
    port,
    worker: !call.switches.has('no-worker'),
    scheduler: !call.switches.has('no-scheduler'),
    ops,
    ...(trustProxy ? { trustProxy } : {}),
    ...(bind ? { bind } : {}),
    ...(host ? { site: host } : {}),
    ...(preset ? { defaultSite: preset } : {}),
  })
  const sites = host ? [host] : runtime.hosts()
  call.terminal.print(
    call.json ? JSON.stringify({ url: serving.url, sites }) : `Serving ${sites.join(', ') || 'no site yet'} on ${serving.url}`,
  )
  await serving.ended
  return undefined
}

function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new BadUsage({ reason: `A port is a number up to 65535, not "${text}".` })
}

async function execute(call: Call): Promise<Outcome> {
  const kwargs = await readKwargs(call)
  const site = await call.site()
  const path = word(call, 'METHOD')
  await site.freshen()
  const method = findMethod({ site }, path)
  const verb = verbFor(method)
  const user = one(call.options, 'user')
  const principal = user ? await principalOf(site, user) : administrator()
  const result = await site.run(principal, (ctx) => callMethod(ctx, method, kwargs, verb), {
    via: 'cli',
    readOnly: verb === 'GET' && !method.commitsOnGet,
  })
  const value = result ?? null
  return { value, text: JSON.stringify(value, null, 2) }
}

async function readKwargs(call: Call): Promise<Record<string, unknown>> {
  const given = one(call.options, 'kwargs') ?? '{}'
  const text = given === '-' ? await call.terminal.readInput() : given
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new BadUsage({ reason: `--kwargs is not JSON: ${(error as Error).message}` })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new BadUsage({ reason: `--kwargs is an object such as {"doctype":"ToDo"}, not ${text.slice(0, 60)}.` })
}

/** The verb under which the method may write, where it takes one. */
function verbFor(method: Method): Verb {
  return method.verbs.find((verb) => verb !== 'GET') ?? 'GET'
}

async function openConsole(call: Call): Promise<undefined> {
  if (call.json) throw new BadUsage({ reason: 'console talks to a person; use execute with --json.' })
  const site = await call.site()
  await site.freshen()
  const user = one(call.options, 'user')
  const { runConsole } = await import('../console.ts')
  await runConsole(site, user ? await principalOf(site, user) : administrator())
  return undefined
}
