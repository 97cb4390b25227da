import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const urls = {
  ORC_TEST_POSTGRES_URL: 'postgres://h/p',
  ORC_TEST_MARIADB_URL: 'mysql://h/m',
  ORC_TEST_REDIS_URL: 'redis://h',
  ORC_TEST_SMTP_URL: 'smtp://h:25',
  ORC_TEST_IMAP_URL: 'imap://h:143',
}

/** These functions read the environment, which belongs to the whole process: they are asked in one of their own. */
function ask(environment: Record<string, string>): { stdout: string; stderr: string } {
  const script = `import { testDatabases, testMailServers, testRedisUrl } from '#testing/services.ts'
    console.log(JSON.stringify([testDatabases(), testRedisUrl() ?? null, testMailServers()?.smtp.href ?? null]))`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: new URL('..', import.meta.url),
    env: environment,
    encoding: 'utf8',
  })
}

test('contract suites run on SQLite alone where no server is configured', () => {
  assert.deepEqual(JSON.parse(ask({}).stdout), [[{ name: 'sqlite' }], null, null])
})

test('contract suites run on every configured server', () => {
  assert.deepEqual(JSON.parse(ask({ ...urls, CI: 'true' }).stdout), [
    [{ name: 'sqlite' }, { name: 'postgres', url: 'postgres://h/p' }, { name: 'mariadb', url: 'mysql://h/m' }],
    'redis://h',
    'smtp://h:25',
  ])
})

for (const variable of Object.keys(urls)) {
  test(`under CI a missing ${variable} is an error and not a skip`, () => {
    const { stdout, stderr } = ask({ ...urls, [variable]: '', CI: 'true' })
    assert.equal(stdout, '')
    assert.match(stderr, new RegExp(`${variable} is not set`))
  })
}
