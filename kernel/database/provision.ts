import { defineError } from '#client/rules/errors.ts'
import type { Grant, Provisioner } from './provisioner.ts'

export const DatabaseExists = defineError<{ database: string }>({
  code: 'database/exists',
  status: 409,
  excType: 'DuplicateEntryError',
  message: (d) => `The database ${d.database} exists already and is not empty.`,
})

export const ProvisioningFailed = defineError<{ database: string; reason: string }>({
  code: 'database/provisioning-failed',
  status: 503,
  excType: 'DatabaseError',
  message: (d) => `The database ${d.database} could not be made or removed: ${d.reason}`,
})

export const BadDatabaseName = defineError<{ field: string; value: string }>({
  code: 'database/bad-name',
  status: 417,
  excType: 'ValidationError',
  message: (d) =>
    `${JSON.stringify(d.value)} does not serve as a ${d.field}: lower-case letters, digits and _, a letter first, at most 48.`,
})

/**
 * Makes a site's database and its account on a server, and returns the URL with which the account reaches it. Called again
 * after a half-done attempt it finishes the work; a database that exists is taken when it is empty.
 * @param serverUrl  `postgres://…` or `mysql://…`, with rights to create databases and accounts
 * @throws BadDatabaseName, DatabaseExists, ProvisioningFailed
 */
export async function createDatabase(serverUrl: string, grant: Grant): Promise<string> {
  checkNames(grant)
  const provisioner = await provisionerOf(serverUrl)
  await guarded(grant.database, async () => {
    await provisioner.withServer(serverUrl, undefined, async (query) => {
      await provisioner.setAccount(query, grant)
      if (!(await provisioner.databaseExists(query, grant.database))) await provisioner.create(query, grant.database)
    })
    await provisioner.withServer(serverUrl, grant.database, async (query) => {
      if (!(await provisioner.isEmpty(query, grant.database))) throw new DatabaseExists({ database: grant.database })
      await provisioner.allow(query, grant)
    })
  })
  const url = new URL(serverUrl)
  url.username = grant.user
  url.password = encodeURIComponent(grant.password)
  url.pathname = `/${grant.database}`
  return url.href
}

/**
 * Removes a site's database and its account, and ends the sessions in it; what is not there is no error.
 * @throws BadDatabaseName, ProvisioningFailed
 */
export async function dropDatabase(serverUrl: string, names: Pick<Grant, 'database' | 'user'>): Promise<void> {
  checkNames(names)
  const provisioner = await provisionerOf(serverUrl)
  await guarded(names.database, () => provisioner.withServer(serverUrl, undefined, (query) => provisioner.drop(query, names)))
}

async function provisionerOf(serverUrl: string): Promise<Provisioner> {
  const { protocol } = new URL(serverUrl)
  if (protocol === 'postgres:' || protocol === 'postgresql:') return (await import('./postgres/provisioner.ts')).postgresProvisioner
  if (protocol === 'mysql:' || protocol === 'mariadb:') return (await import('./mariadb/provisioner.ts')).mariadbProvisioner
  throw new ProvisioningFailed({ database: '', reason: `A server URL begins with postgres:// or mysql://, not ${protocol}//.` })
}

// Whatever these let through needs no quoting on either engine; it is quoted all the same.
const namePattern = /^[a-z][a-z0-9_]{0,47}$/

function checkNames(names: Pick<Grant, 'database' | 'user'>): void {
  for (const field of ['database', 'user'] as const) {
    if (!namePattern.test(names[field])) throw new BadDatabaseName({ field, value: names[field] })
  }
}

async function guarded<T>(database: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (DatabaseExists.is(error)) throw error
    throw new ProvisioningFailed({ database, reason: (error as Error).message }, { cause: error })
  }
}
