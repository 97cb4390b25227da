import type { Context } from '#kernel/context/context.ts'
import { ident, type Sql, sql } from '#kernel/database/sql.ts'
import { Held } from '../errors.ts'

/** What of a document decides whether a hold reaches it. */
interface Holdable {
  readonly name: string
  readonly owner: string
  readonly organization: string
  readonly folder?: unknown
  readonly document_type?: unknown
}

const folders = ident('tabDocument Folder')

/** The condition on a row `h` of Legal Hold under which it reaches a document `d`, given as expressions. */
function reaches(d: { name: Sql; owner: Sql; organization: Sql; folder: Sql; type: Sql }): Sql {
  return sql`h.status = ${'Active'} and h.organization = ${d.organization} and (
    h.scope = ${'Organization'}
    or (h.scope = ${'Document Type'} and h.document_type = ${d.type})
    or (h.scope = ${'Custodian'} and h.custodian = ${d.owner})
    or (h.scope = ${'Folder'} and exists (select 1 from ${folders} above join ${folders} here on above.lft <= here.lft and above.rgt >= here.rgt
      where above.name = h.folder and here.name = ${d.folder}))
    or (h.scope = ${'Chosen Documents'} and exists (select 1 from ${ident('tabLegal Hold Document')} c
      where c.parent = h.name and c.parenttype = ${'Legal Hold'} and c.document = ${d.name})))`
}

/** The hold that keeps a document, if one does. Asked anew each time: there is no mark that could be taken off. */
export async function holdOn(ctx: Context, document: Holdable): Promise<string | undefined> {
  const text = (value: unknown): Sql => sql`${typeof value === 'string' ? value : ''}`
  const condition = reaches({
    name: text(document.name),
    owner: text(document.owner),
    organization: text(document.organization),
    folder: text(document.folder),
    type: text(document.document_type),
  })
  const rows = await ctx.db.query<{ hold_name: string }>(
    ctx.db.dialect.compile(sql`select h.hold_name from ${ident('tabLegal Hold')} h where ${condition} order by h.creation limit 1`),
  )
  return rows[0] ? String(rows[0].hold_name) : undefined
}

/** Lets go on only what no hold keeps, whoever acts. @throws Held */
export async function refuseHeld(ctx: Context, document: Holdable, field = 'name'): Promise<void> {
  const hold = await holdOn(ctx, document)
  if (hold !== undefined) throw new Held({ doctype: 'Document', name: document.name, field, hold })
}

/** A folder on or above or below whose place a hold or a held document depends stays where it is. @throws Held */
export async function refuseHeldFolder(ctx: Context, folder: string, organization: string, field: string): Promise<void> {
  const rows = await ctx.db.query<{ hold_name: string }>(
    ctx.db.dialect.compile(sql`select h.hold_name from ${ident('tabLegal Hold')} h join ${folders} held on held.name = h.folder join ${folders} here on here.name = ${folder}
      where h.status = ${'Active'} and h.scope = ${'Folder'}
        and ((held.lft <= here.lft and held.rgt >= here.rgt) or (held.lft >= here.lft and held.rgt <= here.rgt)) order by h.creation limit 1`),
  )
  const all = await ctx.db.query<{ hold_name: string }>(
    ctx.db.dialect.compile(
      sql`select h.hold_name from ${ident('tabLegal Hold')} h where h.status = ${'Active'} and h.scope = ${'Organization'} and h.organization = ${organization} limit 1`,
    ),
  )
  const hold = rows[0] ?? all[0]
  if (hold) throw new Held({ doctype: 'Document Folder', name: folder, field, hold: String(hold.hold_name) })
}
