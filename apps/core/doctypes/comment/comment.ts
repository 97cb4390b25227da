import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { documentAbout, listIn, rewriteNote } from '../../collaboration/about.ts'

interface CommentFields {
  comment_type: string | null
  comment_email: string | null
  comment_by: string | null
  reference_doctype: string | null
  reference_name: string | null
  content: string | null
}

/** How many comments a document's row remembers, and how much of each. */
const remembered = 20
const excerpt = 140

/** Something said about a document. Whoever comments must be able to read the document. */
export default class Comment extends Document<CommentFields> {
  async before_insert(ctx: Context): Promise<void> {
    this.comment_type ||= 'Comment'
    if (!ctx.user.unrestricted) {
      // Whose word it is, is not the caller's to say.
      this.comment_email = ctx.user.name
      this.comment_by = ctx.user.fullName
    }
    this.comment_email ||= ctx.user.name
    this.comment_by ||= ctx.user.fullName
    if (this.reference_doctype && this.reference_name) await documentAbout(ctx, this.reference_doctype, this.reference_name, 'read')
  }

  validate(ctx: Context, { before }: { before?: CommentFields } = {}): void {
    if (!before || ctx.user.unrestricted) return
    this.comment_type = before.comment_type
    this.comment_email = before.comment_email
    this.comment_by = before.comment_by
  }

  async on_update(ctx: Context): Promise<void> {
    await this.remember(ctx, (list) => [
      ...list,
      { name: this.name, by: this.comment_email, comment: (this.content ?? '').slice(0, excerpt) },
    ])
  }

  async after_delete(ctx: Context): Promise<void> {
    await this.remember(ctx, (list) => list)
  }

  async remember(ctx: Context, change: (others: unknown[]) => unknown[]): Promise<void> {
    if (this.comment_type !== 'Comment' || !this.reference_doctype || !this.reference_name) return
    await rewriteNote(ctx, this.reference_doctype, this.reference_name, '_comments', (current) => {
      const others = listIn(current).filter((one) => (one as AnyDocument | null)?.name !== this.name)
      return JSON.stringify(change(others).slice(-remembered))
    })
  }
}
