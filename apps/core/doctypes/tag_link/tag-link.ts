import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { Document } from '#kernel/documents/document.ts'
import { documentAbout, rewriteNote } from '../../collaboration/about.ts'

interface TagLinkFields {
  document_type: string
  document_name: string
  tag: string
}

/** A tag on a document. Who tags must be able to read the document. */
export default class TagLink extends Document<TagLinkFields> {
  async before_insert(ctx: Context): Promise<void> {
    await documentAbout(ctx, this.document_type, this.document_name, 'read')
  }

  async on_update(ctx: Context): Promise<void> {
    await this.refreshTags(ctx)
  }

  async after_delete(ctx: Context): Promise<void> {
    await this.refreshTags(ctx)
  }

  async refreshTags(ctx: Context): Promise<void> {
    const rows = await ctx.db.query<{ tag: string }>(
      ctx.db.dialect.compile(
        sql`select distinct tag from ${ident('tabTag Link')} where document_type = ${this.document_type} and document_name = ${this.document_name} order by tag`,
      ),
    )
    // A leading comma, so that `like '%,tag%'` finds the first as well: the form Frappe's lists search in.
    await rewriteNote(ctx, this.document_type, this.document_name, '_user_tags', () => rows.map((row) => `,${row.tag}`).join('') || null)
  }
}
