import { createHash } from 'node:crypto'
import { assignFromCode } from '#kernel/documents/assign.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { deleteChildren, deleteRow, type DocumentShapes, insertRows, type Writer } from '#kernel/documents/rows.ts'
import type { DocTypeDefinition } from './definition.ts'
import type { Meta, MetaField } from './meta.ts'
import { documentFromDefinition } from './stored-definition.ts'

/** Tells two versions of a definition apart; kept in the DocType's `migration_hash`. */
export function definitionHash(definition: DocTypeDefinition): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 32)
}

export interface DefinitionToWrite {
  readonly definition: DocTypeDefinition
  /** The app that brings it; '' for one of the site's own. */
  readonly app: string
  /** Whether the site has one of that name already, which it replaces. */
  readonly isKnown: boolean
}

/**
 * Writes definitions into the site, replacing what stood there; the rows of all go in together. Customisations live in rows of their
 * own and stay.
 * @param now in document form
 */
export async function writeDefinitions(
  writer: Writer,
  shapes: DocumentShapes,
  wanted: readonly DefinitionToWrite[],
  now: string,
): Promise<void> {
  const metas = new Map<string, Meta>()
  for (const name of ['DocType', 'DocField', 'DocPerm', 'DocType Action', 'DocType Link', 'DocType State'])
    metas.set(name, await shapes.meta(name))
  const meta = metas.get('DocType') as Meta
  const childOf = (table: MetaField) => metas.get(table.options ?? '') as Meta
  const stamp = { owner: 'Administrator', creation: now, modified: now, modified_by: 'Administrator', docstatus: 0, idx: 0 }
  const documents: AnyDocument[] = []
  const rows = new Map<Meta, AnyDocument[]>()
  for (const { definition, app, isKnown } of wanted) {
    const { name } = definition
    if (isKnown) {
      for (const table of meta.tables) await deleteChildren(writer, meta, childOf(table), name, table.fieldname)
      await deleteRow(writer, meta, name)
    }
    const values = documentFromDefinition(definition, (doctype) => (metas.get(doctype) as Meta).field as never)
    // What a file leaves out has the default that a DocType made by hand gets, such as `allow_rename`.
    for (const field of meta.columns) if (field.default !== undefined) values[field.fieldname] ??= field.default
    values.app = app
    values.migration_hash = definitionHash(definition)
    documents.push({ ...assignFromCode(meta, values), ...stamp, name, doctype: 'DocType' } as AnyDocument)
    for (const table of meta.tables) {
      const child = childOf(table)
      const made = ((values[table.fieldname] as Record<string, unknown>[] | undefined) ?? []).map(
        (row, index) =>
          ({
            ...assignFromCode(child, row),
            ...stamp,
            idx: index + 1,
            name: hashName(),
            doctype: child.name,
            parent: name,
            parenttype: 'DocType',
            parentfield: table.fieldname,
          }) as unknown as AnyDocument,
      )
      rows.set(child, [...(rows.get(child) ?? []), ...made])
    }
  }
  await insertRows(writer, meta, documents)
  for (const [child, made] of rows) await insertRows(writer, child, made)
}
