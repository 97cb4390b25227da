import type { Apps } from '#kernel/apps/apps.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { type DocumentShapes, readDocument, type Reader, readRows } from '#kernel/documents/rows.ts'
import { buildMeta } from './build-meta.ts'
import { DocTypeNotFound } from './errors.ts'
import type { Meta } from './meta.ts'
import { definitionFromDocument, partFromRow } from './stored-definition.ts'

/** The DocTypes in which DocTypes are described: known from the core app's files, because nothing could be read without them. */
export const bootstrapDocTypes = [
  'DocType',
  'DocField',
  'DocPerm',
  'DocType Action',
  'DocType Link',
  'DocType State',
  'Custom Field',
  'Property Setter',
  'Custom DocPerm',
] as const

interface Directory {
  /** Every DocType of the site; the value tells whether it is a child table. */
  readonly names: ReadonlyMap<string, { app: string; isTable: boolean }>
  readonly aliases: ReadonlyMap<string, string>
}

function groupBy(rows: readonly AnyDocument[], column: string): Map<string, AnyDocument[]> {
  return Map.groupBy(rows, (row) => String((row as Record<string, unknown>)[column]))
}

/** A definition from its document and what the site adds to it. */
function assemble(
  document: AnyDocument,
  directory: Directory,
  customFields: readonly AnyDocument[] = [],
  propertySetters: readonly AnyDocument[] = [],
  customPermissions: readonly AnyDocument[] = [],
): Meta {
  return buildMeta(definitionFromDocument(document), {
    app: directory.names.get(String(document.name))?.app ?? '',
    isChildTable: (doctype) => directory.names.get(directory.aliases.get(doctype) ?? doctype)?.isTable === true,
    customFields: customFields.map(partFromRow) as never,
    propertySetters: propertySetters.map(partFromRow) as never,
    customPermissions: customPermissions.map(partFromRow) as never,
  })
}

/** A site's definitions, read from its database when first asked for and kept until the `meta` epoch moves. */
export class MetaStore implements DocumentShapes {
  readonly #reader: () => Reader
  readonly #apps: Apps
  readonly #bootstrap = new Map<string, Meta>()
  #known = new Map<string, Meta>()
  #loading = new Map<string, Promise<Meta>>()
  #directory: Directory | undefined
  #directoryLoading: Promise<Directory> | undefined

  constructor(reader: () => Reader, apps: Apps) {
    this.#reader = reader
    this.#apps = apps
    for (const name of bootstrapDocTypes) {
      const definition = apps.definition(name)
      if (definition) this.#bootstrap.set(name, buildMeta(definition, { app: 'core' }))
    }
    this.forget()
  }

  /** The definition under its own name or an alias. @throws DocTypeNotFound */
  async get(doctype: string): Promise<Meta> {
    const known = this.#known.get(doctype)
    if (known) return known
    // What is on its way when `forget` comes goes to the one who asked, and is not kept.
    const into = this.#known
    const pending = this.#loading
    const directory = await this.#readDirectory()
    const name = directory.names.has(doctype) ? doctype : directory.aliases.get(doctype)
    if (name === undefined) throw new DocTypeNotFound({ doctype })
    if (name !== doctype) {
      const meta = await this.get(name)
      into.set(doctype, meta)
      return meta
    }
    let loading = pending.get(name)
    if (!loading) {
      loading = this.#load(name, directory).then((meta) => {
        into.set(name, meta)
        return meta
      })
      pending.set(name, loading)
      const done = () => pending.delete(name)
      loading.then(done, done)
    }
    return loading
  }

  /** DocumentShapes: the definition, at once when it is known. */
  meta(doctype: string): Meta | Promise<Meta> {
    return this.#known.get(doctype) ?? this.get(doctype)
  }

  prototype(doctype: string): object {
    return this.#apps.prototype(doctype)
  }

  cached(doctype: string): Meta | undefined {
    return this.#known.get(doctype)
  }

  async exists(doctype: string): Promise<boolean> {
    const directory = await this.#readDirectory()
    return directory.names.has(doctype) || directory.aliases.has(doctype)
  }

  /** Every DocType of the site, by name. */
  async names(): Promise<string[]> {
    return [...(await this.#readDirectory()).names.keys()].sort()
  }

  /** Every definition of the site; loads what is not loaded yet. */
  async all(): Promise<Meta[]> {
    const names = await this.names()
    if (names.some((name) => !this.#known.has(name))) await this.#loadAll()
    const metas: Meta[] = []
    for (const name of names) metas.push(await this.get(name))
    return metas
  }

  /** Reads every definition with one statement per table, where one after another would take some hundred. */
  async #loadAll(): Promise<void> {
    const into = this.#known
    const reader = this.#reader()
    const directory = await this.#readDirectory()
    const doctype = this.#bootstrapMeta('DocType')
    const documents = await readRows(reader, this, doctype, sql`1 = 1`)
    const rows = new Map<string, Map<string, AnyDocument[]>>()
    for (const table of doctype.tables) {
      const condition = sql`parenttype = ${'DocType'} and parentfield = ${table.fieldname} order by idx`
      rows.set(table.fieldname, groupBy(await readRows(reader, this, this.#bootstrapMeta(table.options ?? ''), condition), 'parent'))
    }
    const customFields = groupBy(
      await readRows(reader, this, this.#bootstrapMeta('Custom Field'), sql`1 = 1 order by idx, creation, name`),
      'dt',
    )
    const propertySetters = groupBy(
      await readRows(reader, this, this.#bootstrapMeta('Property Setter'), sql`1 = 1 order by creation, name`),
      'doc_type',
    )
    const customPermissions = groupBy(
      await readRows(reader, this, this.#bootstrapMeta('Custom DocPerm'), sql`1 = 1 order by idx, creation, name`),
      'parent',
    )
    for (const document of documents) {
      const name = String(document.name)
      if (into.has(name)) continue
      for (const table of doctype.tables)
        (document as Record<string, unknown>)[table.fieldname] = rows.get(table.fieldname)?.get(name) ?? []
      into.set(name, assemble(document, directory, customFields.get(name), propertySetters.get(name), customPermissions.get(name)))
    }
  }

  /** Drops what was read; the next question reads afresh. */
  forget(): void {
    this.#known = new Map(this.#bootstrap)
    this.#loading = new Map()
    this.#directory = undefined
    this.#directoryLoading = undefined
  }

  async #readDirectory(): Promise<Directory> {
    if (this.#directory) return this.#directory
    if (!this.#directoryLoading) {
      const loading = this.#loadDirectory()
      this.#directoryLoading = loading
      loading.then(
        (directory) => {
          if (this.#directoryLoading === loading) this.#directory = directory
        },
        () => {
          if (this.#directoryLoading === loading) this.#directoryLoading = undefined
        },
      )
    }
    return this.#directoryLoading
  }

  async #loadDirectory(): Promise<Directory> {
    const reader = this.#reader()
    const rows = await reader.query<Row>(reader.dialect.compile(sql`select name, app, istable, aliases from ${ident('tabDocType')}`))
    const names = new Map<string, { app: string; isTable: boolean }>()
    const aliases = new Map<string, string>()
    for (const row of rows) {
      names.set(String(row.name), { app: String(row.app ?? ''), isTable: row.istable === 1 })
      if (row.aliases) for (const alias of JSON.parse(String(row.aliases)) as string[]) aliases.set(alias, String(row.name))
    }
    for (const name of this.#bootstrap.keys()) names.set(name, names.get(name) ?? { app: 'core', isTable: false })
    return { names, aliases }
  }

  async #load(name: string, directory: Directory): Promise<Meta> {
    const reader = this.#reader()
    const document = await readDocument(reader, this, this.#bootstrapMeta('DocType'), name)
    if (!document) throw new DocTypeNotFound({ doctype: name })
    // One after another: inside a transaction the engine takes one statement at a time.
    const customFields = await readRows(reader, this, this.#bootstrapMeta('Custom Field'), sql`dt = ${name} order by idx, creation, name`)
    const propertySetters = await readRows(
      reader,
      this,
      this.#bootstrapMeta('Property Setter'),
      sql`doc_type = ${name} order by creation, name`,
    )
    const customPermissions = await readRows(
      reader,
      this,
      this.#bootstrapMeta('Custom DocPerm'),
      sql`parent = ${name} order by idx, creation, name`,
    )
    return assemble(document, directory, customFields, propertySetters, customPermissions)
  }

  #bootstrapMeta(name: string): Meta {
    const meta = this.#bootstrap.get(name)
    if (!meta) throw new DocTypeNotFound({ doctype: name })
    return meta
  }
}
