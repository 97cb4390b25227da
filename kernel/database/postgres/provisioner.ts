import pg from 'pg'
import type { Provisioner } from '../provisioner.ts'

const name = (identifier: string) => `"${identifier.replaceAll('"', '""')}"`
const text = (value: string) => pg.escapeLiteral(value)

/** Statement that makes a database which orders by code point and knows letters beyond ASCII, whatever the server's locale. */
export function createDatabaseSql(database: string): string {
  return `create database ${name(database)} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C.UTF-8'`
}

/** Makes and removes site databases on PostgreSQL. */
export const postgresProvisioner: Provisioner = {
  async withServer(serverUrl, database, work) {
    const url = new URL(serverUrl)
    if (database) url.pathname = `/${database}`
    const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 10_000 })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return await work(async (statement) => (await client.query(statement)).rows as Record<string, unknown>[])
    } finally {
      await client.end()
    }
  },

  async databaseExists(query, database) {
    return (await query(`select 1 from pg_database where datname = ${text(database)}`)).length > 0
  },

  async isEmpty(query) {
    const found = await query(`select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' limit 1`)
    return found.length === 0
  },

  async create(query, database) {
    await query(createDatabaseSql(database))
    await query(`revoke all on database ${name(database)} from public`)
  },

  async setAccount(query, { user, password }) {
    const exists = (await query(`select 1 from pg_roles where rolname = ${text(user)}`)).length > 0
    await query(`${exists ? 'alter' : 'create'} role ${name(user)} login nosuperuser nocreatedb nocreaterole password ${text(password)}`)
  },

  async allow(query, { database, user }) {
    await query(`grant connect, temporary, create on database ${name(database)} to ${name(user)}`)
    await query(`grant all on schema public to ${name(user)}`)
  },

  async drop(query, { database, user }) {
    await query(`drop database if exists ${name(database)} with (force)`)
    await query(`drop role if exists ${name(user)}`)
  },
}
