import pino from 'pino'
import type { Context, Principal } from '#kernel/context/context.ts'
import { openUnit } from '#kernel/context/unit-of-work.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insertRows } from '#kernel/documents/rows.ts'
import type { Query, Row } from '#kernel/database/database.ts'
import { buildMeta } from '#kernel/meta/build-meta.ts'
import { DocTypeNotFound } from '#kernel/meta/errors.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { syncSchema } from '#kernel/schema/apply.ts'
import type { Site } from '#kernel/sites/site.ts'
import { type SmallDocType, field } from './permission-site.ts'
import type { TestDatabase } from './services.ts'
import { throwawayDatabase } from './throwaway-database.ts'

export { field, row } from './permission-site.ts'

export interface QuerySiteOptions {
  readonly doctypes: readonly SmallDocType[]
  /** Milliseconds since 1970; default 2026-11-20 12:00 UTC. */
  readonly now?: number
  /** Controllers of virtual DocTypes. */
  readonly controllers?: Readonly<Record<string, unknown>>
  readonly config?: Readonly<Record<string, unknown>>
}

/** A site with definitions, tables and rights on a real database, without apps and the document pipeline: for tests of queries. */
export interface QuerySite {
  /** A context for a user with these roles; the automatic ones are added. */
  as(user: string, roles?: readonly string[]): Context
  readonly system: Context
  meta(doctype: string): Meta
  /** Writes documents with their child rows; values in document form are cast, nothing else is checked. */
  add(doctype: string, ...documents: Record<string, unknown>[]): Promise<void>
  /** Statements run since the last call. */
  takeStatements(): Query[]
  bump(kind: 'meta' | 'access' | 'config'): void
  drop(): Promise<void>
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

export async function querySite(engine: TestDatabase, options: QuerySiteOptions): Promise<QuerySite> {
  const { database, drop } = await throwawayDatabase(engine)
  const metas = new Map<string, Meta>()
  for (const doctype of [...core, ...options.doctypes]) {
    metas.set(doctype.name, buildMeta({ module: 'Test', fields: [], permissions: [], actions: [], links: [], states: [], ...doctype }))
  }
  await syncSchema(
    database,
    [...metas.values()].filter((meta) => !meta.isVirtual),
  )
  let statements: Query[] = []
  const spied = new Proxy(database, {
    get(target, key) {
      if (key === 'query') {
        return (query: Query): Promise<Row[]> => {
          statements.push(query)
          return target.query(query)
        }
      }
      const member = Reflect.get(target, key) as unknown
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  const metaOf = (doctype: string): Meta => {
    const meta = metas.get(doctype)
    if (!meta) throw new DocTypeNotFound({ doctype })
    return meta
  }
  const epoch = { meta: 1, access: 1, config: 1 }
  const cache = { meta: new Map<string, unknown>(), access: new Map<string, unknown>(), config: new Map<string, unknown>() }
  const site = {
    host: 'test',
    epoch,
    cache,
    database: spied,
    timeZone: 'UTC',
    log: pino({ level: 'silent' }),
    settings: new Map<string, string>(),
    clock: { now: () => options.now ?? Date.UTC(2026, 10, 20, 12) },
    config: options.config ?? {},
    apps: {
      scopes: new Set<string>(),
      permissionHooks: () => [],
      readListeners: () => [],
      watchesReads: false,
      controller: (doctype: string) => options.controllers?.[doctype],
    },
    meta: {
      get: async (doctype: string) => metaOf(doctype),
      meta: metaOf,
      cached: (doctype: string) => metas.get(doctype),
      exists: async (doctype: string) => metas.has(doctype),
      prototype: () => Object.prototype,
    },
  } as unknown as Site
  const principals = new Map<string, Principal>()
  const contextOf = (principal: Principal) => openUnit(site, principal, { id: 'test', ip: '', via: 'test' }).ctx
  const as = (user: string, roles: readonly string[] = [], unrestricted = false): Context => {
    const key = JSON.stringify([user, roles, unrestricted])
    const automatic = user === 'Guest' ? ['Guest'] : ['Guest', 'All']
    const principal: Principal = principals.get(key) ?? {
      name: user,
      fullName: user,
      roles: new Set([...automatic, ...roles]),
      userType: 'System User',
      language: 'en',
      unrestricted,
    }
    principals.set(key, principal)
    return contextOf(principal)
  }
  const full = (meta: Meta, values: Record<string, unknown>, at: number): AnyDocument => {
    const stamp = `2026-01-01 00:00:00.${String(at).padStart(6, '0')}`
    const given: Record<string, unknown> = { owner: 'Administrator', creation: stamp, modified: stamp, docstatus: 0, idx: 0, ...values }
    const made: Record<string, unknown> = { doctype: meta.name }
    for (const column of meta.columns)
      made[column.fieldname] = column.type.cast(given[column.fieldname] ?? null, column, documentForm, column.fieldname)
    return made as unknown as AnyDocument
  }
  let added = 0
  return {
    as,
    system: as('Administrator', [], true),
    meta: metaOf,
    async add(doctype, ...documents) {
      const meta = metaOf(doctype)
      await database.transaction(async (tx) => {
        await insertRows(
          tx,
          meta,
          documents.map((values) => full(meta, values, ++added)),
        )
        for (const table of meta.tables) {
          const child = metaOf(table.options ?? '')
          const rows = documents.flatMap((values) => {
            const given = (values[table.fieldname] ?? []) as Record<string, unknown>[]
            const place = { parent: String(values.name), parenttype: doctype, parentfield: table.fieldname }
            return given.map((one, at) =>
              full(child, { name: `${values.name}-${table.fieldname}-${at}`, idx: at + 1, ...place, ...one }, ++added),
            )
          })
          if (rows.length) await insertRows(tx, child, rows)
        }
      })
    },
    takeStatements() {
      const taken = statements
      statements = []
      return taken
    },
    bump(kind) {
      epoch[kind]++
      cache[kind].clear()
    },
    drop,
  }
}
