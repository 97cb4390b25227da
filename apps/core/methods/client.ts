import { Type } from 'typebox'
import { AppError } from '#client/rules/errors.ts'
import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument, getSingle } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { cancel, insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { appendRow, changeRow, removeRow } from '#kernel/methods/child-rows.ts'
import { documentPermissions } from '#kernel/methods/document-info.ts'
import { expectedVersion, readDocumentInput, readListInput, readName } from '#kernel/methods/document-input.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, guests, type Method, roles, type Verb } from '#kernel/methods/method.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { shownV1, wireV1, writtenV1 } from '#kernel/methods/wire-v1.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { type Action, actions } from '#kernel/permissions/grant.ts'
import { can } from '#kernel/permissions/grants.ts'

const any = Type.Optional(Type.Unknown())
const text = Type.Optional(Type.String())
const doctype = Type.String({ minLength: 1, maxLength: 140 })
const name = Type.String({ minLength: 1, maxLength: 140 })
const flag = Type.Optional(Type.Boolean())
const writing: readonly Verb[] = ['POST', 'PUT']
const removing: readonly Verb[] = ['POST', 'DELETE']
const reading: readonly Verb[] = ['GET', 'POST']

type Values = Record<string, unknown> & { doctype: string }

/** Adds a document, or a row to the document it names as its parent. */
async function insertGiven(ctx: Context, method: string, values: Values): Promise<Record<string, unknown>> {
  const wire = wireV1(ctx)
  if ((await ctx.site.meta.get(values.doctype)).isTable || (values.parenttype && values.parent)) {
    const { parenttype, parent, parentfield } = values
    if (typeof parenttype !== 'string' || typeof parent !== 'string' || typeof parentfield !== 'string')
      throw new BadInput({
        method,
        field: 'doc',
        reason: 'needs parenttype, parent and parentfield, because it is a row of another document',
      })
    return writtenV1(ctx, await appendRow(ctx, { parenttype, parent, parentfield }, values, wire))
  }
  return writtenV1(ctx, await insert(ctx, values.doctype, values, { wire }))
}

/** Stores a document that the caller holds: a new one, or changes to one that `modified` must still fit. */
async function saveGiven(ctx: Context, method: string, values: Values): Promise<Record<string, unknown>> {
  if (values.__islocal || values.name === undefined || values.name === null || values.name === '') return insertGiven(ctx, method, values)
  const wire = wireV1(ctx)
  const document = await openForWrite(ctx, values.doctype, readName(method, values.name, 'doc.name'))
  const expected = expectedVersion(document, values.modified, wire)
  return writtenV1(ctx, await save(ctx, document, values, { wire, ...(expected !== undefined && { expected }) }))
}

const fieldsOfIdentity = new Set(['doctype', 'name', 'modified', 'docstatus'])

/** Submits a document; what the caller changed on it besides needs the right to write. */
async function submitGiven(ctx: Context, method: string, values: Values): Promise<Record<string, unknown>> {
  const wire = wireV1(ctx)
  if (values.name === undefined || values.name === null || values.__islocal) return insertGiven(ctx, method, { ...values, docstatus: 1 })
  const isBare = Object.keys(values).every((key) => fieldsOfIdentity.has(key))
  const document = await openForWrite(ctx, values.doctype, readName(method, values.name, 'doc.name'), isBare ? 'submit' : 'write')
  const expected = expectedVersion(document, values.modified, wire)
  const { docstatus: _, ...rest } = values
  return writtenV1(ctx, await submit(ctx, document, rest, { wire, ...(expected !== undefined && { expected }) }))
}

const insertMethod = defineMethod({
  path: 'frappe.client.insert',
  summary: 'Adds a document; with parent, parenttype and parentfield a row to that document, which is the answer then.',
  verbs: writing,
  input: Type.Object({ doc: Type.Unknown() }),
  rule: checkedPerDocument('insert demands the right to create'),
  handler: (ctx, { doc }) => insertGiven(ctx, 'frappe.client.insert', readDocumentInput('frappe.client.insert', doc, 'doc')),
})

const insertMany = defineMethod({
  path: 'frappe.client.insert_many',
  summary: 'Adds up to 200 documents, all or none, and answers their names.',
  verbs: writing,
  input: Type.Object({ docs: Type.Unknown() }),
  rule: checkedPerDocument('insert demands the right to create'),
  handler: async (ctx, { docs }) => {
    const path = 'frappe.client.insert_many'
    const names: unknown[] = []
    for (const [index, doc] of readListInput(path, docs, 'docs', 200).entries())
      names.push((await insertGiven(ctx, path, readDocumentInput(path, doc, `docs[${index}]`))).name)
    return names
  },
})

const saveMethod = defineMethod({
  path: 'frappe.client.save',
  summary: 'Stores a document that the caller holds. Refused when somebody else saved it since.',
  verbs: writing,
  input: Type.Object({ doc: Type.Unknown() }),
  rule: checkedPerDocument('save demands the right to write'),
  handler: (ctx, { doc }) => saveGiven(ctx, 'frappe.client.save', readDocumentInput('frappe.client.save', doc, 'doc')),
})

const submitMethod = defineMethod({
  path: 'frappe.client.submit',
  summary: 'Makes a document final. `doclist` is another name of `doc`, as older clients send it.',
  verbs: writing,
  input: Type.Object({ doc: any, doclist: any }),
  rule: checkedPerDocument('submit demands the right to submit'),
  handler: (ctx, { doc, doclist }) =>
    submitGiven(ctx, 'frappe.client.submit', readDocumentInput('frappe.client.submit', doc ?? doclist, 'doc')),
})

const cancelMethod = defineMethod({
  path: 'frappe.client.cancel',
  summary: 'Takes a submitted document back.',
  verbs: writing,
  input: Type.Object({ doctype, name }),
  rule: checkedPerDocument('cancel demands the right to cancel'),
  handler: async (ctx, given) => writtenV1(ctx, await cancel(ctx, await openForWrite(ctx, given.doctype, given.name, 'cancel'))),
})

const deleteMethod = defineMethod({
  path: 'frappe.client.delete',
  summary: 'Deletes a document, or a row of one.',
  verbs: removing,
  input: Type.Object({ doctype, name }),
  rule: checkedPerDocument('remove demands the right to delete'),
  handler: async (ctx, given) => {
    const meta = await ctx.site.meta.get(given.doctype)
    if (meta.isTable) await removeRow(ctx, meta, given.name, wireV1(ctx))
    else await remove(ctx, meta.name, given.name)
    return undefined
  },
})

const setValueMethod = defineMethod({
  path: 'frappe.client.set_value',
  summary: 'Sets one field, or several given as an object; on a row of a child table the document it belongs to is saved and answered.',
  verbs: writing,
  input: Type.Object({ doctype, name: Type.Union([Type.String(), Type.Number()]), fieldname: Type.Unknown(), value: any }),
  rule: checkedPerDocument('save demands the right to write'),
  handler: async (ctx, given) => {
    const values = fieldsToSet(given.fieldname, given.value)
    const meta = await ctx.site.meta.get(given.doctype)
    const target = readName('frappe.client.set_value', given.name, 'name')
    const wire = wireV1(ctx)
    if (meta.isTable) return writtenV1(ctx, await changeRow(ctx, meta, target, values, wire))
    const document = await openForWrite(ctx, meta.name, target)
    const expected = expectedVersion(document, values.modified, wire)
    return writtenV1(ctx, await save(ctx, document, values, { wire, ...(expected !== undefined && { expected }) }))
  },
})

function fieldsToSet(fieldname: unknown, value: unknown): Record<string, unknown> {
  const path = 'frappe.client.set_value'
  if (typeof fieldname === 'string' && !fieldname.trim().startsWith('{')) return { [fieldname]: value ?? null }
  const given = typeof fieldname === 'string' ? parseJson(fieldname, 'fieldname') : fieldname
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new BadInput({ method: path, field: 'fieldname', reason: 'must be a name or an object' })
  return given as Record<string, unknown>
}

const renameMethods = defineMethod({
  path: 'frappe.client.rename_doc',
  summary:
    'Gives a document another name, in every place that refers to it. With `merge` it becomes part of the document that has that name.',
  verbs: writing,
  input: Type.Object({ doctype, old_name: name, new_name: name, merge: flag }),
  rule: checkedPerDocument('rename demands the right to write'),
  handler: async (ctx, given) => {
    // Loaded on demand: most calls never rename.
    const { rename } = await import('#kernel/documents/rename.ts')
    const renamed = await rename(ctx, given.doctype, given.old_name, given.new_name, { merge: given.merge === true })
    return typeof renamed === 'string' ? renamed : given.new_name
  },
})

const bulkUpdate = defineMethod({
  path: 'frappe.client.bulk_update',
  summary: 'Changes several documents, each {doctype, docname, …fields}; those that cannot change are listed, the others do.',
  verbs: writing,
  input: Type.Object({ docs: Type.Unknown() }),
  rule: checkedPerDocument('save demands the right to write'),
  handler: async (ctx, { docs }) => {
    const path = 'frappe.client.bulk_update'
    const failed: { doc: unknown; exc: string; error: object }[] = []
    for (const [index, given] of readListInput(path, docs, 'docs', 500).entries()) {
      try {
        const values = readDocumentInput(path, given, `docs[${index}]`)
        const target = readName(path, values.docname ?? values.name, `docs[${index}].docname`)
        const { docname: _, name: __, ...fields } = values
        await ctx.db.savepoint(async () => save(ctx, await openForWrite(ctx, values.doctype, target), fields, { wire: wireV1(ctx) }))
      } catch (error) {
        if (!(error instanceof AppError) || error.status >= 500) throw error
        failed.push({
          doc: given,
          exc: `${error.excType}: ${error.message}`,
          error: { code: error.code, field: error.field, message: error.message },
        })
      }
    }
    return { failed_docs: failed }
  },
})

const hasPermission = defineMethod({
  path: 'frappe.client.has_permission',
  summary: 'Whether the user may do something with a document.',
  verbs: reading,
  input: Type.Object({ doctype, docname: Type.Optional(Type.String()), perm_type: text }),
  rule: checkedPerDocument('it answers what the permission rules say of the caller'),
  handler: async (ctx, given) => {
    const action = (given.perm_type ?? 'read') as Action
    if (!actions.includes(action))
      throw new BadInput({ method: 'frappe.client.has_permission', field: 'perm_type', reason: `must be one of ${actions.join(', ')}` })
    return { has_permission: await mayDo(ctx, action, given.doctype, given.docname) }
  },
})

async function mayDo(ctx: Context, action: Action, target: string, docname: string | undefined): Promise<boolean> {
  if (!docname) return can(ctx, action, target)
  try {
    return await can(ctx, action, target, await getDocument(ctx, target, docname))
  } catch (error) {
    // Not there and not allowed look alike.
    if (error instanceof AppError && (error.status === 403 || DocumentNotFound.is(error))) return false
    throw error
  }
}

const getDocPermissions = defineMethod({
  path: 'frappe.client.get_doc_permissions',
  summary: 'Everything that the user may do with a document, as 0 and 1 by action.',
  verbs: reading,
  input: Type.Object({ doctype, docname: name }),
  rule: checkedPerDocument('the document is read as the caller first'),
  handler: async (ctx, given) => {
    await getDocument(ctx, given.doctype, given.docname)
    return { permissions: await documentPermissions(ctx, given.doctype, given.docname) }
  },
})

const getTimeZone = defineMethod({
  path: 'frappe.client.get_time_zone',
  summary: "The site's time zone.",
  verbs: reading,
  input: Type.Object({}),
  rule: guests,
  handler: (ctx) => ({ time_zone: ctx.site.timeZone }),
})

const isDocumentAmended = defineMethod({
  path: 'frappe.client.is_document_amended',
  summary: 'The name of the document that amends this one; false when there is none.',
  verbs: reading,
  input: Type.Object({ doctype, docname: name }),
  rule: checkedPerDocument('the document is read as the caller first'),
  handler: async (ctx, given) => {
    await getDocument(ctx, given.doctype, given.docname)
    const meta = await ctx.site.meta.get(given.doctype)
    if (!meta.column.has('amended_from')) return false
    const { list } = await import('#kernel/query/list.ts')
    const { rows } = await list(ctx, meta.name, { filters: { amended_from: given.docname }, limit: 1, wire: wireV1(ctx) })
    return rows[0]?.name ?? false
  },
})

const getSingleValue = defineMethod({
  path: 'frappe.client.get_single_value',
  summary: 'One field of the document of a single DocType.',
  verbs: reading,
  input: Type.Object({ doctype, field: name }),
  rule: checkedPerDocument('the document is read as the caller'),
  handler: async (ctx, given) => {
    const shown = await shownV1(ctx, await getSingle(ctx, given.doctype))
    return Object.hasOwn(shown, given.field) ? shown[given.field] : null
  },
})

const getPassword = defineMethod({
  path: 'frappe.client.get_password',
  summary: 'The secret in a Password field, for programs that need it to sign in elsewhere.',
  verbs: ['POST'],
  input: Type.Object({ doctype, name, fieldname: name }),
  rule: roles('System Manager'),
  handler: async (ctx, given) => {
    const document = await openForWrite(ctx, given.doctype, given.name)
    const meta = await ctx.site.meta.get(document.doctype)
    const field = meta.field.get(given.fieldname)
    const isSecret = field?.fieldtype === 'Password' && meta.name !== 'User'
    if (!isSecret || !(await fieldAccess(ctx, meta)).canWrite(field))
      throw new BadInput({ method: 'frappe.client.get_password', field: 'fieldname', reason: 'is no password field that you may use' })
    await recordAudit(ctx, {
      action: 'read-secret',
      doctype: meta.name,
      name: String(document.name),
      changes: { fieldname: given.fieldname },
    })
    return (await getSecret(ctx, meta.name, String(document.name), given.fieldname)) ?? null
  },
})

/** What Frappe's clients do with single documents; lists and lookups are in client-read.ts. */
export const clientMethods: readonly Method[] = [
  insertMethod,
  insertMany,
  saveMethod,
  submitMethod,
  cancelMethod,
  deleteMethod,
  setValueMethod,
  renameMethods,
  bulkUpdate,
  hasPermission,
  getDocPermissions,
  getTimeZone,
  isDocumentAmended,
  getSingleValue,
  getPassword,
]
