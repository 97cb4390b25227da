import type { Dialect, Storage } from '#kernel/database/database.ts'
import { externalTables } from '#kernel/external/tables.ts'
import { fileTables } from '#kernel/files/tables.ts'
import { identityTables } from '#kernel/identity/tables.ts'
import { jobTables } from '#kernel/jobs/tables.ts'
import { mailTables } from '#kernel/mail/tables.ts'
import { languageModelTables } from '#kernel/language-models/tables.ts'
import { realtimeTables } from '#kernel/realtime/tables.ts'
import { signInTables } from '#kernel/sign-in/tables.ts'
import { webhookTables } from '#kernel/webhooks/tables.ts'
import { index } from './index-targets.ts'
import type { ColumnTarget, TableTarget } from './table-target.ts'

const short: Storage = { kind: 'text', length: 140 }
const long: Storage = { kind: 'text' }
const number: Storage = { kind: 'bigint' }
const flag: Storage = { kind: 'boolean' }
const moment: Storage = { kind: 'datetime' }

interface SystemTable {
  key: readonly string[]
  columns: Readonly<Record<string, Storage>>
  indexes?: readonly (readonly string[])[]
  unique?: readonly (readonly string[])[]
}

/** Tables that belong to no DocType. Keys and numbers are never NULL. */
const tables: Readonly<Record<string, SystemTable>> = {
  ...externalTables,
  ...fileTables,
  ...identityTables,
  ...jobTables,
  ...mailTables,
  ...languageModelTables,
  ...realtimeTables,
  ...signInTables,
  ...webhookTables,
  /** Naming counters: the last number given per prefix. */
  tabSeries: { key: ['name'], columns: { name: { kind: 'text', length: 255 }, current: number } },
  /** Values of Single DocTypes, as text. */
  tabSingles: { key: ['doctype', 'field'], columns: { doctype: short, field: short, value: long } },
  /** Patches that ran, or were skipped because the app was new to the site; the row without a patch says that the app is known. */
  __Patch: { key: ['app', 'patch'], columns: { app: short, patch: short, creation: moment, skipped: flag } },
  /** Counters that tell processes to forget what they derived. */
  __Epoch: { key: ['name'], columns: { name: short, value: number } },
  /** Secrets of Password fields (encrypted) and hashes of people's passwords. */
  __Auth: {
    key: ['doctype', 'name', 'fieldname'],
    columns: { doctype: short, name: short, fieldname: short, secret: long, encrypted: flag },
  },
  __Session: {
    key: ['id_hash'],
    columns: {
      id_hash: short,
      user: short,
      created: moment,
      last_seen: moment,
      expires: moment,
      ip: short,
      device: { kind: 'text', length: 500 },
      csrf_token: short,
      data: long,
      revoked: flag,
    },
    indexes: [['user'], ['expires']],
  },
  /** Tokens that work once: password resets, invitations, second factors. Only hashes are kept. */
  __Token: {
    key: ['token_hash'],
    columns: { token_hash: short, kind: short, user: short, created: moment, expires: moment, attempts: number, data: long },
    indexes: [['user'], ['expires']],
  },
  /** Failed sign-ins, by a keyed hash of account and address. */
  __Sign_In_Failure: {
    key: ['key_hash'],
    columns: { key_hash: short, failures: number, last_failed: moment },
    indexes: [['last_failed']],
  },
  /** How a person arranged the lists and forms of a DocType: JSON that only screens understand. */
  __User_Setting: { key: ['user', 'doctype'], columns: { user: short, doctype: short, data: long } },
  /** Answers to requests that carried an idempotency key. */
  __Idempotency: {
    key: ['id'],
    columns: { id: short, user: short, request_hash: short, status: number, headers: long, body: long, created: moment },
    indexes: [['created']],
  },
}

/** What a column of SQLite means, where its type does not tell (see column-record.ts). */
export const columnRecordTable = '__Column'
const recordTable: SystemTable = {
  key: ['table_name', 'column_name'],
  columns: { table_name: short, column_name: short, storage: short },
}

/** The kernel's own tables on that engine. */
export function systemTables(dialect: Dialect): TableTarget[] {
  const own = Object.entries(tables).map(([name, table]) => target(name, table))
  return dialect.name === 'sqlite' ? [target(columnRecordTable, recordTable), ...own] : own
}

function target(name: string, table: SystemTable): TableTarget {
  const columns = Object.entries(table.columns).map(([column, storage]): ColumnTarget => {
    const isNumber = storage.kind === 'bigint' || storage.kind === 'boolean'
    return { name: column, storage, nullable: !isNumber && !table.key.includes(column), default: isNumber ? 0 : null }
  })
  const made = [
    ...(table.unique ?? []).map((names) => index(name, names, true, columns)),
    ...(table.indexes ?? []).map((names) => index(name, names, false, columns)),
  ]
  const indexes = made.filter((one) => one !== undefined)
  return { name, columns, primaryKey: table.key, isCounted: false, indexes }
}
