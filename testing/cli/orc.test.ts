import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run } from '#server/cli/run.ts'
import { testDatabases } from '#testing/services.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sites = mkdtempSync(join(tmpdir(), 'orc-cli-'))
const host = 'cli.localhost'
const password = 'fake-Password-of-admin-1'
let server: ChildProcess | undefined
let url = ''

after(async () => {
  if (server?.exitCode === null) {
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  rmSync(sites, { recursive: true, force: true })
})

interface Result {
  code: number
  stdout: string
  stderr: string
}

/** Through the real binary. */
function orc(line: readonly string[], input = ''): Result {
  const env = { ...process.env, ORC_SITES: sites }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/orc.mjs'), ...line], {
    encoding: 'utf8',
    env,
    input,
    timeout: 60_000,
  })
  return { code: status ?? -1, stdout, stderr }
}

/** The same in this process, which is quicker. */
async function inProcess(line: readonly string[], input = ''): Promise<Result> {
  const result = { stdout: '', stderr: '' }
  const code = await run(line, {
    env: { ORC_SITES: sites },
    print: (text) => (result.stdout += `${text}\n`),
    note: (text) => (result.stderr += `${text}\n`),
    readInput: async () => input,
  })
  return { code, ...result }
}

async function json(line: readonly string[], input = ''): Promise<{ code: number; value: Record<string, unknown> }> {
  const { code, stdout } = await inProcess([...line, '--json'], input)
  return { code, value: JSON.parse(stdout) as Record<string, unknown> }
}

async function ask(
  path: string,
  headers: Record<string, string> = {},
  body?: object,
): Promise<{ status: number; answer: Record<string, unknown> }> {
  const init = body
    ? { method: 'POST', body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } }
    : { headers }
  const response = await fetch(`${url}${path}`, init)
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> }
}

before(async () => {
  const made = orc(['new-site', host, '--admin-password', '-', '--json'], `${password}\n`)
  assert.equal(made.code, 0, made.stderr)
  const value = JSON.parse(made.stdout) as { site: string; administrator: Record<string, string> }
  assert.equal(value.site, host)
  assert.deepEqual(Object.keys(value.administrator), ['api_key', 'api_secret'], 'a password that was given is not repeated')
  server = spawn(process.execPath, [join(root, 'bin/orc.mjs'), 'start', '--site', host, '--port', '0', '--json'], {
    env: { ...process.env, ORC_SITES: sites },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(server.stdout as NodeJS.ReadableStream, 'data')
  url = (JSON.parse(String(line)) as { url: string }).url
})

test('a started site answers the ping under any host name, and the key of a user made meanwhile works at once', async () => {
  assert.deepEqual(await ask('/api/method/ping'), { status: 200, answer: { message: 'pong' } })
  const { code, value } = await json(['add-user', 'Dana@Example.com', '--roles', 'System Manager,Desk User', '--site', host])
  assert.equal(code, 0)
  assert.deepEqual(Object.keys(value), ['user', 'password', 'api_key', 'api_secret'])
  const authorization = `token ${value.api_key}:${value.api_secret}`
  assert.deepEqual(await ask('/api/method/frappe.auth.get_logged_user', { authorization }), {
    status: 200,
    answer: { message: 'dana@example.com' },
  })
  const { status } = await ask('/api/method/login', {}, { usr: 'dana@example.com', pwd: value.password })
  assert.equal(status, 200)
})

test('a new password takes the place of the old one in the running server', async () => {
  await json(['add-user', 'tom@example.com', '--password', 'fake-first-Password'])
  const { value } = await json(['set-password', 'tom@example.com', '--password', '-'], 'fake-second-Password\n')
  assert.deepEqual(value, { user: 'tom@example.com' })
  const signIn = async (pwd: string) => (await ask('/api/method/login', {}, { usr: 'tom@example.com', pwd })).status
  assert.deepEqual([await signIn('fake-first-Password'), await signIn('fake-second-Password')], [401, 200])
})

test('execute prints the result of a method as JSON, and what it changed is there', async () => {
  const made = await inProcess([
    'execute',
    'frappe.client.insert',
    '--kwargs',
    '{"doc":{"doctype":"ToDo","description":"From the command line"}}',
  ])
  assert.equal((JSON.parse(made.stdout) as { description: string }).description, 'From the command line')
  const counted = await inProcess(['execute', 'frappe.client.get_count', '--kwargs', '-'], '{"doctype":"ToDo"}')
  assert.deepEqual([counted.code, counted.stdout], [0, '1\n'])
})

test('every failure is one JSON value with a code, and an exit code of its kind', async () => {
  const cases: [line: string[], code: number, error: string][] = [
    [['new-site', host], 4, 'sites/exists'],
    [['new-site', '../x'], 4, 'sites/name-invalid'],
    [['new-site', 'x.localhost', '--db-type', 'oracle'], 2, 'cli/bad-usage'],
    [['migrate', '--site', 'nobody.localhost'], 3, 'sites/not-found'],
    [['execute', 'no.such.method'], 3, 'method/unknown'],
    [['execute', 'frappe.client.get_count', '--kwargs', '[]'], 2, 'cli/bad-usage'],
    [['execute', 'frappe.client.get', '--kwargs', '{"doctype":"ToDo","name":"nothing"}'], 3, 'document/not-found'],
    [['add-user', 'no address'], 4, ''],
    [['install-app', 'nothing'], 3, 'apps/missing'],
    [['drop-site', host], 4, 'cli/not-confirmed'],
    [['drop-site', 'nobody.localhost', '--force'], 3, 'sites/not-found'],
    [['set-config', 'encryption_key', 'x'], 4, 'cli/not-confirmed'],
    [['doctype', 'check', join(sites, 'nothing')], 3, 'cli/file-not-found'],
    [['start', '--port', new URL(url).port], 4, 'server/port-taken'],
    [['strat'], 2, 'cli/unknown-command'],
  ]
  for (const [line, expected, error] of cases) {
    const { code, value } = await json(line)
    const told = value.error as { code: string; message: string }
    assert.equal(code, expected, `${line.join(' ')}: ${told.code} ${told.message}`)
    if (error) assert.equal(told.code, error, line.join(' '))
  }
})

test('a half-made site leaves nothing behind', async () => {
  const { code } = await json(['new-site', 'half.localhost', '--db-url', 'postgres://nobody@127.0.0.1:1/nothing'])
  assert.equal(code, 1)
  assert.ok(!existsSync(join(sites, 'half.localhost')))
})

for (const database of testDatabases()) {
  if (!('url' in database)) continue
  test(`a site gets a database of its own on ${database.name}, which goes with it`, async () => {
    const name = `${database.name}.localhost`
    const made = await json(['new-site', name, '--db-type', database.name, '--db-url', database.url])
    assert.equal(made.code, 0, JSON.stringify(made.value))
    const counted = await inProcess(['execute', 'frappe.client.get_count', '--kwargs', '{"doctype":"ToDo"}', '--site', name])
    assert.equal(counted.stdout, '0\n')
    const { value } = await json(['show-config', '--site', name])
    assert.ok(!JSON.stringify(value).includes(new URL(database.url).password || 'no password at all'))
    assert.equal((await json(['drop-site', name, '--force'])).code, 0)
  })
}

test('the configuration is shown without its secrets, and kept from other users of the machine', async () => {
  await json(['set-config', 'mail', '{"server":"mail.example.com","password":"fake-secret"}', '--site', host])
  const { value } = await json(['show-config', '--site', host])
  assert.deepEqual(value.mail, { server: 'mail.example.com', password: '********' })
  assert.equal(value.encryption_key, '********')
  const file = join(sites, host, 'site_config.json')
  assert.match(readFileSync(file, 'utf8'), /fake-secret/)
  assert.equal(statSync(file).mode & 0o077, 0)
})

test('an app is installed into a running site and taken off again', async () => {
  assert.deepEqual((await json(['install-app', 'sample', '--site', host])).value, { site: host, installed: ['sample'] })
  const { value } = await json(['list-apps', '--site', host])
  assert.ok((value as unknown as { name: string }[]).some(({ name }) => name === 'sample'))
  assert.deepEqual((await json(['migrate', '--plan', '--site', host])).value, {
    site: host,
    planned: true,
    definitions: [],
    schema: [],
    patches: [],
  })
  assert.equal((await json(['uninstall-app', 'sample', '--site', host])).code, 0)
  assert.equal((await json(['uninstall-app', 'core', '--site', host])).code, 4)
})

test('doctor finds a new site healthy, and one without its database ill', async () => {
  assert.equal((await json(['doctor', '--site', host])).value.healthy, true)
  const made = await json(['new-site', 'ill.localhost'])
  assert.equal(typeof (made.value.administrator as { password: string }).password, 'string', 'a generated password is told')
  rmSync(join(sites, 'ill.localhost', 'site_config.json'))
  assert.equal((await json(['doctor', '--site', 'ill.localhost'])).code, 3)
})

test('the console evaluates line after line and stops at the first error', () => {
  const script =
    "const made = await insert('Note', { title: 'Kept' }); made.title\nawait count('Note')\nawait getDocument('Note', 'nothing')\n'not reached'\n"
  const { code, stdout } = orc(['console', '--site', host], script)
  assert.deepEqual([code, stdout], [3, "'Kept'\n1\n"])
})

test('audit verify reads what the commands left in the log', async () => {
  const { code, value } = await json(['audit', 'verify', '--site', host])
  assert.deepEqual([code, value.intact], [0, true])
  assert.ok(Number(value.entries) > 0)
})

test('a dropped site is gone from the running server, which ends in order at a signal', async () => {
  const dropped = orc(['drop-site', host, '--force', '--json'])
  assert.deepEqual([dropped.code, JSON.parse(dropped.stdout)], [0, { site: host, dropped: true }])
  await new Promise((done) => setTimeout(done, 300))
  assert.equal((await ask('/api/method/ping')).status, 404)
  server?.kill('SIGTERM')
  assert.deepEqual(await once(server as ChildProcess, 'exit'), [0, null])
})
