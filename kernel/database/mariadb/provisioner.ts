import mysql, { type RowDataPacket } from 'mysql2/promise'
import type { Provisioner } from '../provisioner.ts'

const name = (identifier: string) => `\`${identifier.replaceAll('`', '``')}\``
// With NO_BACKSLASH_ESCAPES, set below, a doubled quote is the only escape there is.
const text = (value: string) => `'${value.replaceAll("'", "''")}'`
const account = (user: string) => `${text(user)}@'%'`

/** Makes and removes site databases on MariaDB. */
export const mariadbProvisioner: Provisioner = {
  async withServer(serverUrl, database, work) {
    const url = new URL(serverUrl)
    url.pathname = `/${database ?? ''}`
    const connection = await mysql.createConnection({ uri: url.href, charset: 'utf8mb4', connectTimeout: 10_000 })
    connection.on('error', () => undefined)
    try {
      await connection.query(`set session sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'`)
      return await work(async (statement) => {
        const [rows] = await connection.query<RowDataPacket[]>(statement)
        return Array.isArray(rows) ? rows : []
      })
    } finally {
      await connection.end()
    }
  },

  async databaseExists(query, database) {
    return (await query(`select 1 from information_schema.schemata where schema_name = ${text(database)}`)).length > 0
  },

  async isEmpty(query, database) {
    return (await query(`select 1 from information_schema.tables where table_schema = ${text(database)} limit 1`)).length === 0
  },

  async create(query, database) {
    await query(`create database ${name(database)} character set utf8mb4 collate utf8mb4_nopad_bin`)
  },

  async setAccount(query, { user, password }) {
    await query(`create user if not exists ${account(user)} identified by ${text(password)}`)
    await query(`alter user ${account(user)} identified by ${text(password)}`)
  },

  async allow(query, { database, user }) {
    // In a grant `_` stands for any character, so it is escaped: site_1 must not open siteX1.
    await query(`grant all privileges on ${name(database.replaceAll('_', '\\_'))}.* to ${account(user)}`)
  },

  async drop(query, { database, user }) {
    await query(`drop database if exists ${name(database)}`)
    await query(`drop user if exists ${account(user)}`)
  },
}
