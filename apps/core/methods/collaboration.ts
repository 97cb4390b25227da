import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { exists } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import { documentInfo, listOf } from '#kernel/methods/document-info.ts'
import { readListInput, readName } from '#kernel/methods/document-input.ts'
import { checkedPerDocument, defineMethod, type Method, signedIn, type Verb } from '#kernel/methods/method.ts'
import { shownV1, wireV1 } from '#kernel/methods/wire-v1.ts'
import { list } from '#kernel/query/list.ts'
import { documentAbout, listIn, rewriteNote } from '../collaboration/about.ts'

const any = Type.Optional(Type.Unknown())
const text = Type.Optional(Type.String())
const doctype = Type.String({ minLength: 1, maxLength: 140 })
const name = Type.String({ minLength: 1, maxLength: 140 })
const reading: readonly Verb[] = ['GET', 'POST']
const writing: readonly Verb[] = ['POST', 'PUT']

const addComment = defineMethod({
  path: 'frappe.desk.form.utils.add_comment',
  summary: 'Adds a comment to a document that the user may read.',
  verbs: writing,
  input: Type.Object({ reference_doctype: doctype, reference_name: name, content: Type.String(), comment_email: text, comment_by: text }),
  rule: checkedPerDocument('the Comment itself demands the right to read what it is about'),
  handler: async (ctx, given) => {
    const { reference_doctype, reference_name, content } = given
    await documentAbout(ctx, reference_doctype, reference_name, 'read')
    return shownV1(
      ctx,
      await insert(ctx, 'Comment', { comment_type: 'Comment', reference_doctype, reference_name, content }, { wire: wireV1(ctx) }),
    )
  },
})

const updateComment = defineMethod({
  path: 'frappe.desk.form.utils.update_comment',
  summary: "Changes one's own comment.",
  verbs: writing,
  input: Type.Object({ name, content: Type.String() }),
  rule: checkedPerDocument('save demands the right to write, which only the author holds'),
  handler: async (ctx, given) => {
    await save(ctx, await openForWrite(ctx, 'Comment', given.name), { content: given.content })
    return undefined
  },
})

/** Open assignments of a document, as the desk shows them. */
async function assignmentsOf(ctx: Context, target: string, docname: string): Promise<unknown> {
  return (await documentInfo(ctx, target, docname, ['assignments'])).assignments
}

interface Assignment {
  doctype: string
  name: string
  assign_to: unknown
  description?: string
  date?: string
  priority?: string
  notify?: unknown
  assignment_rule?: string
}

async function assign(ctx: Context, given: Assignment): Promise<void> {
  await documentAbout(ctx, given.doctype, given.name, 'read')
  const people = readListInput(
    'frappe.desk.form.assign_to.add',
    typeof given.assign_to === 'string' && !given.assign_to.trim().startsWith('[') ? [given.assign_to] : given.assign_to,
    'assign_to',
    50,
  )
  for (const [index, person] of people.entries()) {
    const user = readName('frappe.desk.form.assign_to.add', person, `assign_to[${index}]`)
    if ((await openToDos(ctx, given.doctype, given.name, user)).length > 0) {
      ctx.messages.push({ message: `${user} has this already.`, title: 'Assignment', indicator: 'blue' })
      continue
    }
    await insert(
      ctx,
      'ToDo',
      {
        allocated_to: user,
        reference_type: given.doctype,
        reference_name: given.name,
        description: given.description || `Assignment for ${given.doctype} ${given.name}`,
        priority: given.priority || 'Medium',
        status: 'Open',
        ...(given.date && { date: given.date }),
        assigned_by: ctx.user.name,
      },
      { wire: wireV1(ctx) },
    )
  }
}

async function openToDos(ctx: Context, target: string, docname: string, user?: string): Promise<string[]> {
  const forUser = user === undefined ? sql`` : sql` and allocated_to = ${user}`
  const rows = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select name from ${ident('tabToDo')} where reference_type = ${target} and reference_name = ${docname} and status = ${'Open'}${forUser}`,
    ),
  )
  return rows.map((row) => String(row.name))
}

const assignInput = {
  assign_to: Type.Unknown(),
  description: text,
  date: text,
  priority: text,
  notify: any,
  assignment_rule: text,
  re_assign: any,
  bulk_assign: any,
}

const assignAdd = defineMethod({
  path: 'frappe.desk.form.assign_to.add',
  summary: 'Assigns a document that the user may read to people; answers its open assignments.',
  verbs: writing,
  input: Type.Object({ doctype, name, ...assignInput }),
  rule: checkedPerDocument('the right to read the document is demanded, and creating a ToDo'),
  handler: async (ctx, given) => {
    await assign(ctx, given as Assignment)
    return assignmentsOf(ctx, given.doctype, given.name)
  },
})

const assignAddMultiple = defineMethod({
  path: 'frappe.desk.form.assign_to.add_multiple',
  summary: 'Assigns several documents of one type; `name` is their list.',
  verbs: writing,
  input: Type.Object({ doctype, name: Type.Unknown(), ...assignInput }),
  rule: checkedPerDocument('the right to read each document is demanded, and creating a ToDo'),
  handler: async (ctx, given) => {
    const path = 'frappe.desk.form.assign_to.add_multiple'
    for (const [index, one] of readListInput(path, given.name, 'name', 500).entries())
      await assign(ctx, { ...(given as unknown as Assignment), name: readName(path, one, `name[${index}]`) })
    return undefined
  },
})

async function endAssignment(
  ctx: Context,
  target: string,
  docname: string,
  user: string | undefined,
  status: 'Cancelled' | 'Closed',
): Promise<void> {
  await documentAbout(ctx, target, docname, user === ctx.user.name ? 'read' : 'write')
  const elevated = ctx.asSystem('ends an assignment of a document that the caller may change')
  for (const todo of await openToDos(ctx, target, docname, user))
    await save(elevated, await openForWrite(elevated, 'ToDo', todo), { status })
}

const assignRemove = defineMethod({
  path: 'frappe.desk.form.assign_to.remove',
  summary: 'Takes an assignment back; answers the open ones that remain.',
  verbs: writing,
  input: Type.Object({ doctype, name, assign_to: Type.String({ minLength: 1 }), ignore_permissions: any }),
  rule: checkedPerDocument("the right to change the document is demanded, to read it for one's own assignment"),
  handler: async (ctx, given) => {
    await endAssignment(ctx, given.doctype, given.name, given.assign_to, 'Cancelled')
    return assignmentsOf(ctx, given.doctype, given.name)
  },
})

const assignRemoveMultiple = defineMethod({
  path: 'frappe.desk.form.assign_to.remove_multiple',
  summary: 'Takes all assignments of several documents back; `names` is their list.',
  verbs: writing,
  input: Type.Object({ doctype, names: Type.Unknown(), ignore_permissions: any }),
  rule: checkedPerDocument('the right to change each document is demanded'),
  handler: async (ctx, given) => {
    const path = 'frappe.desk.form.assign_to.remove_multiple'
    for (const [index, one] of readListInput(path, given.names, 'names', 500).entries())
      await endAssignment(ctx, given.doctype, readName(path, one, `names[${index}]`), undefined, 'Cancelled')
    return undefined
  },
})

const assignClose = defineMethod({
  path: 'frappe.desk.form.assign_to.close',
  summary: 'Says that an assignment is done; answers the open ones that remain.',
  verbs: writing,
  input: Type.Object({ doctype, name, assign_to: Type.String({ minLength: 1 }) }),
  rule: checkedPerDocument("the right to change the document is demanded, to read it for one's own assignment"),
  handler: async (ctx, given) => {
    await endAssignment(ctx, given.doctype, given.name, given.assign_to, 'Closed')
    return assignmentsOf(ctx, given.doctype, given.name)
  },
})

const toggleLike = defineMethod({
  path: 'frappe.desk.like.toggle_like',
  summary: 'Likes a document that the user may read, or no longer (`add`: Yes or No).',
  verbs: writing,
  input: Type.Object({ doctype, name, add: Type.Optional(Type.Union([Type.Boolean(), Type.String()])) }),
  rule: checkedPerDocument('the right to read the document is demanded'),
  handler: async (ctx, given) => {
    await documentAbout(ctx, given.doctype, given.name, 'read')
    const likes = given.add === true || given.add === 'Yes' || given.add === '1'
    await rewriteNote(ctx, given.doctype, given.name, '_liked_by', (current) => {
      const others = listIn(current).filter((user) => user !== ctx.user.name)
      const all = likes ? [...others, ctx.user.name] : others
      return all.length > 0 ? JSON.stringify(all) : null
    })
    return undefined
  },
})

const addTag = defineMethod({
  path: 'frappe.desk.doctype.tag.tag.add_tag',
  summary: 'Puts a tag on a document that the user may change.',
  verbs: writing,
  input: Type.Object({ tag: Type.String({ minLength: 1, maxLength: 140 }), dt: doctype, dn: name, color: any }),
  rule: checkedPerDocument('the right to change the document is demanded'),
  handler: async (ctx, given) => {
    const tag = given.tag.trim().replaceAll(',', ' ')
    await documentAbout(ctx, given.dt, given.dn, 'write')
    const elevated = ctx.asSystem('tags a document that the caller may change')
    if (!(await exists(ctx, 'Tag', tag))) await insert(elevated, 'Tag', {}, { naming: { given: tag, honourGiven: true } })
    if ((await tagLinks(ctx, given.dt, given.dn, tag)).length === 0)
      await insert(elevated, 'Tag Link', { document_type: given.dt, document_name: given.dn, tag, title: given.dn })
    return tag
  },
})

async function tagLinks(ctx: Context, target: string, docname: string, tag: string): Promise<string[]> {
  const rows = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select name from ${ident('tabTag Link')} where document_type = ${target} and document_name = ${docname} and tag = ${tag}`,
    ),
  )
  return rows.map((row) => String(row.name))
}

const removeTag = defineMethod({
  path: 'frappe.desk.doctype.tag.tag.remove_tag',
  summary: 'Takes a tag off a document that the user may change.',
  verbs: writing,
  input: Type.Object({ tag: Type.String({ minLength: 1, maxLength: 140 }), dt: doctype, dn: name }),
  rule: checkedPerDocument('the right to change the document is demanded'),
  handler: async (ctx, given) => {
    await documentAbout(ctx, given.dt, given.dn, 'write')
    const elevated = ctx.asSystem('takes a tag off a document that the caller may change')
    for (const link of await tagLinks(ctx, given.dt, given.dn, given.tag)) await remove(elevated, 'Tag Link', link)
    return undefined
  },
})

async function tagsOnDocuments(ctx: Context, doctype: string, begin: string, wire: Wire): Promise<string[]> {
  const meta = await ctx.site.meta.get(doctype)
  if (!meta.column.has('_user_tags') || meta.isSingle || meta.isVirtual) return []
  const { rows } = await list(ctx, meta.name, {
    fields: ['_user_tags'],
    filters: [['_user_tags', 'like', `%${likeText(begin)}%`]],
    limit: 1000,
    wire,
  })
  return rows.flatMap((row) => listOf(String(row._user_tags ?? '')))
}

/** Text as it stands, for `like`. */
function likeText(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&')
}

const taggedDocuments = defineMethod({
  path: 'frappe.desk.doctype.tag.tag.get_tags',
  summary: 'Tags that begin with a text: those on documents of the DocType that the user may read, and those that the user invented.',
  verbs: reading,
  input: Type.Object({ doctype: text, txt: text }),
  rule: signedIn,
  handler: async (ctx, given) => {
    const wire = wireV1(ctx)
    const begin = given.txt ?? ''
    const own = await list(ctx, 'Tag', { filters: begin ? [['name', 'like', `${likeText(begin)}%`]] : [], orderBy: 'name asc', wire })
    // Tags are shared by all who use the site: what others call their documents is not for everybody.
    const seen = given.doctype ? await tagsOnDocuments(ctx, given.doctype, begin, wire) : []
    const fitting = [...own.rows.map((row) => String(row.name)), ...seen].filter((tag) => tag.toLowerCase().startsWith(begin.toLowerCase()))
    return [...new Set(fitting)].sort().slice(0, 50)
  },
})

/** Comments, assignments, likes and tags. */
export const collaborationMethods: readonly Method[] = [
  addComment,
  updateComment,
  assignAdd,
  assignAddMultiple,
  assignRemove,
  assignRemoveMultiple,
  assignClose,
  toggleLike,
  addTag,
  removeTag,
  taggedDocuments,
]
