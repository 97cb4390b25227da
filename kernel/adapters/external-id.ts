import { hash } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { insert, save } from '#kernel/documents/save.ts'
import type { Connection } from './adapter.ts'

const doctype = 'External Id'

/** What is known of a record of the other side: which document it is, and how both looked when they agreed last. */
export type ExternalId = AnyDocument & {
  connection: string
  external_id: string
  ref_doctype: string
  ref_name: string
  external_version: string | null
  /** JSON by field: what the other side sent, and what was stored of it. */
  theirs: string
  ours: string
  is_deleted_there: number
  last_run: string | null
}

/** How both sides looked when they agreed last. */
export interface Base {
  readonly theirs: Readonly<Record<string, unknown>>
  readonly ours: Readonly<Record<string, unknown>>
  readonly version: string
}

/** One name for each id of a connection, however long the id is. */
export function externalIdName(connection: string, externalId: string): string {
  return hash('sha256', JSON.stringify([connection, externalId]), 'base64url')
}

export async function findExternalId(ctx: Context, connection: string, externalId: string): Promise<ExternalId | undefined> {
  const known = await find(ctx, await ctx.site.meta.get(doctype), externalIdName(connection, externalId), true)
  return known as ExternalId | undefined
}

export function baseOf(known: ExternalId): Base {
  return {
    theirs: JSON.parse(known.theirs) as Record<string, unknown>,
    ours: JSON.parse(known.ours) as Record<string, unknown>,
    version: known.external_version ?? '',
  }
}

/** Writes down which document a record is. */
export async function keepExternalId(
  ctx: Context,
  connection: Connection,
  externalId: string,
  document: { doctype: string; name: string },
  base: Base,
  run: string,
  known?: ExternalId,
): Promise<void> {
  const values = {
    external_version: base.version || null,
    theirs: JSON.stringify(base.theirs),
    ours: JSON.stringify(base.ours),
    is_deleted_there: 0,
    last_run: run,
  }
  if (known) await save(ctx, known, values)
  else
    await insert(ctx, doctype, {
      name: externalIdName(connection.name, externalId),
      connection: connection.name,
      adapter: connection.adapter,
      organization: connection.organization,
      external_id: externalId,
      ref_doctype: document.doctype,
      ref_name: document.name,
      ...values,
    })
}
