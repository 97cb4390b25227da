import { existsSync } from 'node:fs'
import { readFile, rm, mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { makeSampleData, samplePeople } from '#apps/sample/sample-data.ts'
import { createKey } from '#kernel/identity/api-keys.ts'
import { setPassword } from '#kernel/identity/passwords.ts'
import { createSite } from '#kernel/sites/create-site.ts'
import { migrateSite, needsMigration } from '#kernel/sites/migrate.ts'
import { openRuntime, type Runtime } from '#kernel/sites/runtime.ts'
import { keepFigures, keepsFigures, readOpsSettings } from '#server/observability/operate.ts'
import { newPassword } from '#server/cli/secret-input.ts'
import { PortTaken, serve } from '#server/serve.ts'

/** Kept in the site's folder, readable by its owner only, so that the next start can print them again. */
interface SampleLogins {
  administrator: string
  people: { user: string; role: string; organization: string; password: string }[]
  key: { user: string; api_key: string; api_secret: string }
}

const host = 'localhost'

const port = Number(process.env.PORT || 8000)
if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`PORT is "${process.env.PORT}"; it must be a number up to 65535.`)
const runtime = await openRuntime()
const ops = readOpsSettings(process.env)
if (keepsFigures(ops)) keepFigures(runtime, ops)
const logins = await sampleSite(runtime)
try {
  const bind = process.env.BIND
  const serving = await serve(runtime, { port, defaultSite: host, ops, ...(bind ? { bind } : {}) })
  welcome(`http://localhost:${new URL(serving.url).port || port}`, logins)
  await serving.ended
} catch (error) {
  if (!PortTaken.is(error)) throw error
  fail(`${error.message} For example: PORT=${port + 1} npm start`)
} finally {
  await runtime.close()
}
process.exit()

/** The logins of the sample site, which is made at the first start; undefined when a site of that name is somebody's own. */
async function sampleSite(runtime: Runtime): Promise<SampleLogins | undefined> {
  const folder = join(runtime.sitesFolder, host)
  // There from before the first step to after the last: a start that was cut short begins anew.
  const unfinished = join(runtime.sitesFolder, `.${host}-sample-unfinished`)
  if (existsSync(unfinished)) await rm(folder, { recursive: true, force: true })
  const file = join(folder, 'sample-logins.json')
  if (runtime.has(host)) {
    const site = await runtime.site(host)
    if (await needsMigration(site)) await migrateSite(site)
    return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as SampleLogins) : undefined
  }
  process.stdout.write('Making the sample site …\n')
  await mkdir(runtime.sitesFolder, { recursive: true })
  // A folder that is there and no site is somebody else's; createSite refuses it.
  if (!existsSync(folder)) await writeFile(unfinished, '')
  const made = await makeSample(runtime)
  await writeFile(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 })
  await rm(unfinished, { force: true })
  return made
}

async function makeSample(runtime: Runtime): Promise<SampleLogins> {
  const administrator = newPassword()
  const { site } = await createSite(runtime, { host, adminPassword: administrator, installApps: ['sample'] })
  return site.asSystem('sample data of the first start', async (ctx) => {
    await makeSampleData(ctx)
    const people = samplePeople.map(({ email, role, organization }) => ({ user: email, role, organization, password: newPassword() }))
    for (const { user, password } of people) await setPassword(ctx, user, password)
    const user = people[0]?.user ?? ''
    const { api_key, api_secret } = await createKey(ctx, user, { label: 'sample' })
    return { administrator, people, key: { user, api_key, api_secret } }
  })
}

function welcome(url: string, logins: SampleLogins | undefined): void {
  const lines = [`Orchestrator answers on ${url}`]
  if (!logins) lines.push('', `The site "${host}" was not made by "npm start", so there are no sample logins.`)
  else {
    const rows = [
      ...logins.people.map(({ user, role, organization, password }) => [role, user, password, organization]),
      ['everything', 'Administrator', logins.administrator, ''],
    ]
    const { user, api_key, api_secret } = logins.key
    const fields = '["name","subject","status"]'
    lines.push(
      '',
      'Sign in as:',
      ...rows.map(([role = '', name = '', password = '', where = '']) =>
        `  ${role.padEnd(11)}  ${name.padEnd(16)}  ${password}  ${where}`.trimEnd(),
      ),
      '',
      `API key of ${user}: ${api_key}:${api_secret}`,
      'Try it:',
      `  curl -H 'Authorization: token ${api_key}:${api_secret}' '${url}/api/resource/Service%20Request?fields=${encodeURIComponent(fields)}'`,
      '',
      `These are kept in ${relative(process.cwd(), join(runtime.sitesFolder, host, 'sample-logins.json'))}. Stop with Ctrl+C.`,
    )
  }
  process.stdout.write(`${lines.join('\n')}\n`)
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
