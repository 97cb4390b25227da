import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { Document } from '#kernel/documents/document.ts'
import { documentAbout, rewriteNote } from '../../collaboration/about.ts'

interface ToDoFields {
  status: 'Open' | 'Closed' | 'Cancelled'
  allocated_to: string | null
  assigned_by: string | null
  reference_type: string | null
  reference_name: string | null
}

/** Something a person is to do, often about a document. Open ones are the document's assignments. */
export default class ToDo extends Document<ToDoFields> {
  async before_insert(ctx: Context): Promise<void> {
    // Whose wish it is, is not the caller's to say.
    if (!ctx.user.unrestricted) this.assigned_by = ctx.user.name
    this.assigned_by ||= ctx.user.name
    if (this.reference_type && this.reference_name) await documentAbout(ctx, this.reference_type, this.reference_name, 'read')
  }

  validate(ctx: Context, { before }: { before?: ToDoFields } = {}): void {
    if (before && !ctx.user.unrestricted) this.assigned_by = before.assigned_by
  }

  async on_update(ctx: Context, { before }: { before?: ToDoFields } = {}): Promise<void> {
    const hasMoved =
      before !== undefined && (before.reference_type !== this.reference_type || before.reference_name !== this.reference_name)
    // Moved to another document, which must be one that the user may read; the former one loses the assignment.
    if (hasMoved && this.reference_type && this.reference_name) await documentAbout(ctx, this.reference_type, this.reference_name, 'read')
    if (hasMoved) await refreshAssignments(ctx, before.reference_type, before.reference_name)
    await refreshAssignments(ctx, this.reference_type, this.reference_name)
  }

  async after_delete(ctx: Context): Promise<void> {
    await refreshAssignments(ctx, this.reference_type, this.reference_name)
  }
}

/** Puts the people with open ToDos about a document into its row. */
async function refreshAssignments(ctx: Context, doctype: string | null, name: string | null): Promise<void> {
  if (!doctype || !name) return
  const rows = await ctx.db.query<{ allocated_to: string }>(
    ctx.db.dialect.compile(
      sql`select distinct allocated_to from ${ident('tabToDo')} where reference_type = ${doctype} and reference_name = ${name}
        and status = ${'Open'} and allocated_to is not null order by allocated_to`,
    ),
  )
  await rewriteNote(ctx, doctype, name, '_assign', () => (rows.length > 0 ? JSON.stringify(rows.map((row) => row.allocated_to)) : null))
}
