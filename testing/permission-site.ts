import { DatabaseSync } from 'node:sqlite'
import pino from 'pino'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context, Principal } from '#kernel/context/context.ts'
import type { Query, Row, SqlValue } from '#kernel/database/database.ts'
import { sqliteDialect } from '#kernel/database/sqlite/dialect.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { buildMeta } from '#kernel/meta/build-meta.ts'
import type { DocTypeDefinition, FieldDefinition, PermissionRow } from '#kernel/meta/definition.ts'
import type { Meta } from '#kernel/meta/meta.ts'

/** What a test says of a DocType; the rest is empty. */
export type SmallDocType = Partial<DocTypeDefinition> & { name: string }

export interface PermissionSiteOptions {
  readonly doctypes: readonly SmallDocType[]
  readonly scopes?: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
  /** Makes the site believe that it runs on a database server, where reading beside a transaction takes another connection. */
  readonly isServer?: boolean
  /** By DocType. */
  readonly hooks?: Readonly<Record<string, PermissionHooks>>
}

/**
 * A site with nothing but definitions, rows and rights, in memory: for tests of the permission engine that need no document
 * pipeline. Rows are written as they are given; nothing is validated.
 */
export interface PermissionSite {
  /** A context for a user with these roles; the automatic roles are added. */
  as(user: string, roles?: readonly string[], more?: Partial<Principal>): Context
  meta(doctype: string): Meta
  /** Writes a row (and its child rows) and returns it as a document. */
  add(doctype: string, values: Record<string, unknown> & { name: string }): AnyDocument
  permit(user: string, allow: string, value: string, more?: Record<string, SqlValue>): void
  share(user: string | undefined, doctype: string, name: string, rights: readonly ('read' | 'write' | 'share' | 'submit')[]): void
  remove(table: string, condition: string): void
  /** As after a committed change of definitions, rights or settings. */
  bump(kind: 'meta' | 'access' | 'config'): void
  setSetting(fieldname: string, value: string): void
  /** Statements run so far; for tests of what a cache saves. */
  readonly statements: number
  /** As if the unit of work had opened its transaction. */
  isWriting: boolean
}

const core: readonly SmallDocType[] = [
  {
    name: 'User Permission',
    fields: [
      field('user'),
      field('allow'),
      field('for_value'),
      field('is_default', 'Check'),
      field('apply_to_all_doctypes', 'Check'),
      field('applicable_for'),
      field('hide_descendants', 'Check'),
    ],
  },
  {
    name: 'DocShare',
    fields: [
      field('user'),
      field('share_doctype'),
      field('share_name'),
      field('everyone', 'Check'),
      field('read', 'Check'),
      field('write', 'Check'),
      field('share', 'Check'),
      field('submit', 'Check'),
    ],
  },
]

/** A field, spelled short. */
export function field(fieldname: string, fieldtype = 'Data', more: Partial<FieldDefinition> = {}): FieldDefinition {
  return { fieldname, fieldtype, ...more }
}

/** A permission row that gives a role the named rights at level 0. */
export function row(role: string, rights: string, more: Partial<PermissionRow> = {}): PermissionRow {
  return {
    role,
    ...Object.fromEntries(
      rights
        .split(' ')
        .filter(Boolean)
        .map((right) => [right, 1]),
    ),
    ...more,
  }
}

export function permissionSite(options: PermissionSiteOptions): PermissionSite {
  const connection = new DatabaseSync(':memory:')
  const metas = new Map<string, Meta>()
  for (const doctype of [...core, ...options.doctypes]) {
    const meta = buildMeta({ module: 'Test', fields: [], permissions: [], actions: [], links: [], states: [], ...doctype })
    metas.set(meta.name, meta)
    connection.exec(`create table ${quote(meta.table)} (${meta.columns.map((column) => quote(column.fieldname)).join(', ')})`)
  }
  let statements = 0
  const database = {
    dialect: sqliteDialect,
    async query(query: Query): Promise<Row[]> {
      statements++
      return connection.prepare(query.sql).all(...query.parameters) as Row[]
    },
  }
  const epoch = { meta: 1, access: 1, config: 1 }
  const cache = { meta: new Map(), access: new Map(), config: new Map() }
  const settings = new Map(Object.entries(options.settings ?? {}))
  const metaOf = (doctype: string): Meta => {
    const meta = metas.get(doctype)
    if (!meta) throw new Error(`The test defines no DocType ${doctype}.`)
    return meta
  }
  let isWriting = false
  const db = {
    dialect: { ...sqliteDialect, name: options.isServer ? 'postgres' : 'sqlite' },
    query: database.query,
    get isWriting() {
      return isWriting
    },
  }
  const hooks = options.hooks ?? {}
  const site = {
    host: 'test',
    epoch,
    cache,
    settings,
    database,
    timeZone: 'UTC',
    log: pino({ level: 'silent' }),
    apps: {
      scopes: new Set(options.scopes ?? []),
      permissionHooks: (doctype: string) => [hooks[doctype], hooks['*']].filter((hook) => hook !== undefined),
    },
    meta: {
      get: async (doctype: string) => metaOf(doctype),
      meta: metaOf,
      cached: (doctype: string) => metas.get(doctype),
      exists: async (doctype: string) => metas.has(doctype),
      prototype: () => Object.prototype,
    },
  }
  const principals = new Map<string, Principal>()
  const contextOf = (user: Principal, elevation?: string): Context =>
    ({
      site,
      db,
      user,
      elevation,
      memo: new Map(),
      messages: [],
      answer: {},
      as: (other: Principal) => contextOf(other),
      asSystem: (why: string) => contextOf({ ...user, unrestricted: true }, why),
    }) as unknown as Context
  const write = (doctype: string, values: Record<string, unknown>): void => {
    const meta = metaOf(doctype)
    const columns = meta.columns.filter((column) => values[column.fieldname] !== undefined)
    const bound = columns.map((column) => column.type.toColumn(values[column.fieldname] as never, sqliteDialect) as never)
    connection
      .prepare(
        `insert into ${quote(meta.table)} (${columns.map((column) => quote(column.fieldname)).join(', ')}) values (${columns.map(() => '?').join(', ')})`,
      )
      .run(...(bound as never[]))
  }
  return {
    as(user, roles = [], more = {}) {
      const automatic = user === 'Guest' ? ['Guest'] : ['Guest', 'All']
      const key = JSON.stringify([user, roles, more])
      const principal: Principal = principals.get(key) ?? {
        name: user,
        fullName: user,
        roles: new Set([...automatic, ...roles]),
        userType: 'System User',
        language: 'en',
        unrestricted: false,
        ...more,
      }
      principals.set(key, principal)
      return contextOf(principal)
    },
    meta: metaOf,
    add(doctype, values) {
      const meta = metaOf(doctype)
      const document = { doctype, owner: 'Administrator', docstatus: 0, idx: 0, ...values } as unknown as AnyDocument
      write(doctype, document)
      for (const table of meta.tables) {
        const rows = (document[table.fieldname] ?? []) as Record<string, unknown>[]
        document[table.fieldname] = rows.map((child, at) => {
          const full = {
            doctype: table.options,
            name: `${values.name}-${table.fieldname}-${at}`,
            parent: values.name,
            parenttype: doctype,
            parentfield: table.fieldname,
            idx: at + 1,
            ...child,
          }
          write(table.options ?? '', full)
          return full
        })
      }
      return document
    },
    permit(user, allow, value, more = {}) {
      write('User Permission', { name: `${user}-${allow}-${value}`, user, allow, for_value: value, apply_to_all_doctypes: 1, ...more })
    },
    share(user, doctype, name, rights) {
      const given = Object.fromEntries(rights.map((right) => [right, 1]))
      write('DocShare', {
        name: `${user}-${doctype}-${name}`,
        user,
        everyone: user === undefined ? 1 : 0,
        share_doctype: doctype,
        share_name: name,
        ...given,
      })
    },
    remove(table, condition) {
      connection.exec(`delete from ${quote(table)} where ${condition}`)
    },
    bump(kind) {
      epoch[kind]++
      cache[kind].clear()
    },
    setSetting(fieldname, value) {
      settings.set(fieldname, value)
    },
    get statements() {
      return statements
    },
    get isWriting() {
      return isWriting
    },
    set isWriting(value) {
      isWriting = value
    },
  }
}

function quote(identifier: string): string {
  return sqliteDialect.quote(identifier)
}
