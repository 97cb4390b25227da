/** A database that a contract suite is to run on; `url` names a server on which test databases may be created, and is absent for SQLite. */
export type TestDatabase = { name: 'sqlite' } | { name: 'postgres' | 'mariadb'; url: string }

/**
 * The databases that contract suites run on: SQLite always, PostgreSQL and MariaDB where `npm test` found them.
 * The servers belong to the checkout and not to one test: whoever needs a database creates one with a name of its own, and drops it.
 * @throws Error under `CI=true` when a server is not configured, because a skipped exam must not look like a passed one
 */
export function testDatabases(): TestDatabase[] {
  const databases: TestDatabase[] = [{ name: 'sqlite' }]
  for (const name of ['postgres', 'mariadb'] as const) {
    const url = serviceUrl(name)
    if (url) databases.push({ name, url })
  }
  return databases
}

/**
 * The URL of a Redis for tests, or undefined where none is configured; keys need a prefix of their own.
 * @throws Error under `CI=true` when it is not configured
 */
export function testRedisUrl(): string | undefined {
  return serviceUrl('redis')
}

/**
 * Mail servers for tests, or undefined where none are configured: mail handed to `smtp` for NAME@mail.test lies in the mailbox NAME of
 * `imap`, whose password is that of its URL. `nobody` there is refused for good, `later` for now.
 * @throws Error under `CI=true` when they are not configured
 */
export function testMailServers(): { smtp: URL; imap: URL } | undefined {
  const [smtp, imap] = [serviceUrl('smtp'), serviceUrl('imap')]
  return smtp && imap ? { smtp: new URL(smtp), imap: new URL(imap) } : undefined
}

/** The URL of an OpenSearch for tests; undefined where none was asked for with `dev/services start --with-opensearch`, also under CI. */
export function testOpenSearchUrl(): string | undefined {
  return process.env.ORC_TEST_OPENSEARCH_URL || undefined
}

function serviceUrl(name: 'postgres' | 'mariadb' | 'redis' | 'imap' | 'smtp'): string | undefined {
  const variable = `ORC_TEST_${name.toUpperCase()}_URL`
  const url = process.env[variable]
  if (url) return url
  if (process.env.CI === 'true') throw new Error(`${variable} is not set: under CI every service must be there. Run "dev/services start".`)
  return undefined
}
