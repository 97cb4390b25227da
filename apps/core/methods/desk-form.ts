import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { cancel, discard, insert, openForWrite, save } from '#kernel/documents/save.ts'
import { documentInfo, documentPermissions } from '#kernel/methods/document-info.ts'
import { expectedVersion, readDocumentInput, readName } from '#kernel/methods/document-input.ts'
import { doctypeAnswer } from '#kernel/methods/doctype-answer.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, type Method, type Verb } from '#kernel/methods/method.ts'
import { wireV1, writtenV1 } from '#kernel/methods/wire-v1.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { can } from '#kernel/permissions/grants.ts'
import { runHook } from '#kernel/documents/hooks.ts'
import { communicationsOf } from '../mail/communications.ts'

const any = Type.Optional(Type.Unknown())
const text = Type.Optional(Type.String())
const doctype = Type.String({ minLength: 1, maxLength: 140 })
const name = Type.String({ minLength: 1, maxLength: 140 })
const reading: readonly Verb[] = ['GET', 'POST']
const writing: readonly Verb[] = ['POST', 'PUT']

/** What a form shows around a document, under the names that Frappe's desk uses. */
async function docinfo(ctx: Context, document: AnyDocument): Promise<Record<string, unknown>> {
  const { doctype: target } = document
  const docname = String(document.name)
  const info = await documentInfo(ctx, target, docname, ['attachments', 'assignments', 'shares', 'tags', 'comments', 'versions', 'views'])
  return {
    doctype: target,
    name: docname,
    attachments: info.attachments,
    communications: await communicationsOf(ctx, target, docname, 'Communication'),
    automated_messages: await communicationsOf(ctx, target, docname, 'Automated Message'),
    comments: info.comments,
    versions: info.versions,
    assignments: info.assignments,
    assignment_logs: [],
    attachment_logs: [],
    info_logs: [],
    like_logs: [],
    workflow_logs: [],
    share_logs: [],
    permissions: await documentPermissions(ctx, target, docname),
    shared: info.shares,
    views: info.views,
    milestones: [],
    energy_point_logs: [],
    additional_timeline_content: [],
    is_document_followed: false,
    tags: (info.tags as string[]).join(','),
    document_email: null,
    user_info: {},
  }
}

async function answerDocument(ctx: Context, document: AnyDocument): Promise<Record<string, unknown>> {
  const shown = await writtenV1(ctx, document)
  ctx.answer.docs = [shown]
  // Who may write but not read learns nothing of what others have said and done.
  if (await can(ctx, 'read', document.doctype, document)) ctx.answer.docinfo = await docinfo(ctx, document)
  return shown
}

const getdoc = defineMethod({
  path: 'frappe.desk.form.load.getdoc',
  summary: 'A document with all that a form shows around it, as `docs` and `docinfo`.',
  verbs: reading,
  input: Type.Object({ doctype, name, user: any }),
  rule: checkedPerDocument('the document is read as the caller'),
  handler: async (ctx, given) => {
    const document = await getDocument(ctx, given.doctype, given.name)
    await runHook(ctx, await ctx.site.meta.get(document.doctype), document, 'onload')
    const shown = await answerDocument(ctx, document)
    const onload = (document as Record<string, unknown>).__onload
    if (onload) shown.__onload = onload
    return undefined
  },
})

const getdoctype = defineMethod({
  path: 'frappe.desk.form.load.getdoctype',
  summary: 'The definition of a DocType and of its child tables, as `docs`; "use_cache" when the caller holds the same one already.',
  verbs: reading,
  input: Type.Object({ doctype, with_parent: any, cached_timestamp: text }),
  rule: checkedPerDocument('only definitions of documents that the caller has something to do with are given'),
  handler: async (ctx, given) => {
    const main = await doctypeAnswer(ctx, given.doctype)
    if (given.cached_timestamp && given.cached_timestamp === main.modified) return 'use_cache'
    const meta = await ctx.site.meta.get(given.doctype)
    const docs = [main]
    for (const table of meta.tables)
      if (table.options && (await ctx.site.meta.exists(table.options))) docs.push(await doctypeAnswer(ctx, table.options))
    ctx.answer.docs = docs
    ctx.answer.user_settings = '{}'
    return undefined
  },
})

const actionNames = { Save: 0, Update: 1, Submit: 1, Cancel: 2 } as const

const savedocs = defineMethod({
  path: 'frappe.desk.form.save.savedocs',
  summary: 'Saves, submits, updates or cancels the document that a form holds; answers it as `docs`, under `localname` its temporary name.',
  verbs: writing,
  input: Type.Object({ doc: Type.Unknown(), action: Type.String() }),
  rule: checkedPerDocument('insert, save, submit and cancel demand the right to do it'),
  handler: async (ctx, given) => {
    const path = 'frappe.desk.form.save.savedocs'
    if (!Object.hasOwn(actionNames, given.action))
      throw new BadInput({ method: path, field: 'action', reason: 'must be Save, Submit, Update or Cancel' })
    const action = given.action as keyof typeof actionNames
    const values = readDocumentInput(path, given.doc, 'doc')
    const wire = wireV1(ctx)
    let document: AnyDocument
    if (values.__islocal) {
      const { name: local, ...rest } = values
      document = await insert(ctx, values.doctype, { ...rest, docstatus: action === 'Submit' ? 1 : 0 }, { wire })
      ctx.answer.localname = local
    } else {
      const stored = await openForWrite(
        ctx,
        values.doctype,
        readName(path, values.name, 'doc.name'),
        action === 'Cancel' ? 'cancel' : 'write',
      )
      const expected = expectedVersion(stored, values.modified, wire)
      const options = { wire, ...(expected !== undefined && { expected }) }
      document =
        action === 'Cancel'
          ? await cancel(ctx, stored, options)
          : await save(ctx, stored, { ...values, docstatus: actionNames[action] }, options)
    }
    ctx.messages.push({
      message: said[action],
      indicator: action === 'Cancel' ? 'red' : action === 'Submit' ? 'blue' : 'green',
      alert: true,
    })
    const shown = await answerDocument(ctx, document)
    if (ctx.answer.localname) shown.localname = ctx.answer.localname
    return undefined
  },
})

const said: Record<keyof typeof actionNames, string> = { Save: 'Saved', Submit: 'Submitted', Update: 'Updated', Cancel: 'Cancelled' }

const cancelMethod = defineMethod({
  path: 'frappe.desk.form.save.cancel',
  summary: 'Takes a submitted document back.',
  verbs: writing,
  input: Type.Object({ doctype, name, workflow_state_fieldname: any, workflow_state: any }),
  rule: checkedPerDocument('cancel demands the right to cancel'),
  handler: async (ctx, given) => {
    await answerDocument(ctx, await cancel(ctx, await openForWrite(ctx, given.doctype, given.name, 'cancel')))
    ctx.messages.push({ message: said.Cancel, indicator: 'red', alert: true })
    return undefined
  },
})

const discardMethod = defineMethod({
  path: 'frappe.desk.form.save.discard',
  summary: 'Drops a draft without deleting it.',
  verbs: writing,
  input: Type.Object({ doctype, name }),
  rule: checkedPerDocument('discard demands the right to write'),
  handler: async (ctx, given) => {
    await answerDocument(ctx, await discard(ctx, await openForWrite(ctx, given.doctype, given.name)))
    return undefined
  },
})

/** Reading and saving as forms do. */
export const deskFormMethods: readonly Method[] = [getdoc, getdoctype, savedocs, cancelMethod, discardMethod]
