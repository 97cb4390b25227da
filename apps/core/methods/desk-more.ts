import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { attendants, referencesTo } from '#kernel/documents/references.ts'
import { rename } from '#kernel/documents/rename.ts'
import { cancel, insert, openForWrite, save } from '#kernel/documents/save.ts'
import { readListInput, readName } from '#kernel/methods/document-input.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, guests, type Method, signedIn, type Verb } from '#kernel/methods/method.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { grantFor } from '#kernel/permissions/grants.ts'
import { list } from '#kernel/query/list.ts'
import { screenTexts } from '#kernel/translations/translate.ts'
import { documentAbout } from '../collaboration/about.ts'

const any = Type.Optional(Type.Unknown())
const text = Type.Optional(Type.String())
const doctype = Type.String({ minLength: 1, maxLength: 140 })
const name = Type.String({ minLength: 1, maxLength: 140 })
const reading: readonly Verb[] = ['GET', 'POST']
const writing: readonly Verb[] = ['POST', 'PUT']

/** Documents of one DocType that a linked list shows. */
const mostLinked = 100

interface Linked {
  doctype: string
  name: string
  docstatus: number
}

/** Documents that refer to one, by DocType, as far as the user may read them. */
async function linkedTo(ctx: Context, target: string, docname: string, onlySubmitted = false): Promise<Map<string, Linked[]>> {
  const found = new Map<string, Linked[]>()
  const names = new Map<string, Set<string>>()
  for (const { meta, field, typeField } of await referencesTo(ctx, (await ctx.site.meta.get(target)).name)) {
    if (attendants.has(meta.name) || meta.isSingle || meta.isVirtual) continue
    const points = sql`${ident(field.fieldname)} = ${docname}${typeField ? sql` and ${ident(typeField)} = ${target}` : sql``}`
    const who = meta.isTable ? sql`distinct parenttype as doctype, parent as name` : sql`name`
    const rows = await ctx.db.query<{ doctype?: string; name: string | number }>(
      ctx.db.dialect.compile(sql`select ${who} from ${ident(meta.table)} where ${points} limit ${sql.lit(mostLinked)}`),
    )
    for (const row of rows) {
      const holder = row.doctype ?? meta.name
      if (holder === target && String(row.name) === docname) continue
      if (!names.has(holder)) names.set(holder, new Set())
      names.get(holder)?.add(String(row.name))
    }
  }
  for (const [holder, those] of names) {
    if (!(await ctx.site.meta.exists(holder)) || !(await grantFor(ctx, holder, 'read')).allowed) continue
    const filters: unknown[] = [['name', 'in', [...those]], ...(onlySubmitted ? [['docstatus', '=', 1]] : [])]
    const { rows } = await list(ctx, holder, { fields: ['name', 'docstatus'], filters, limit: mostLinked, wire: wireV1(ctx) })
    if (rows.length > 0)
      found.set(
        holder,
        rows.map((row) => ({ doctype: holder, name: String(row.name), docstatus: Number(row.docstatus) })),
      )
  }
  return found
}

const linkedGet = defineMethod({
  path: 'frappe.desk.form.linked_with.get',
  summary: 'Documents that refer to one, by DocType.',
  verbs: reading,
  input: Type.Object({ doctype, docname: name }),
  rule: checkedPerDocument('the document is read as the caller, and so is each that refers to it'),
  handler: async (ctx, given) => {
    await documentAbout(ctx, given.doctype, given.docname, 'read')
    return Object.fromEntries(await linkedTo(ctx, given.doctype, given.docname))
  },
})

/** Submitted documents that hang on one, and on those in turn; at most so many. */
const mostChained = 500

async function submittedChain(ctx: Context, target: string, docname: string): Promise<Linked[]> {
  const chain: Linked[] = []
  const seen = new Set([`${target}\n${docname}`])
  const waiting: [string, string][] = [[target, docname]]
  for (let next = waiting.shift(); next && chain.length < mostChained; next = waiting.shift()) {
    for (const linked of [...(await linkedTo(ctx, next[0], next[1], true)).values()].flat()) {
      const key = `${linked.doctype}\n${linked.name}`
      if (seen.has(key)) continue
      seen.add(key)
      chain.push(linked)
      waiting.push([linked.doctype, linked.name])
    }
  }
  return chain
}

const submittedLinked = defineMethod({
  path: 'frappe.desk.form.linked_with.get_submitted_linked_docs',
  summary: 'Submitted documents that hang on one and would have to be cancelled before it.',
  verbs: reading,
  input: Type.Object({ doctype, name, ignore_doctypes_on_cancel_all: any }),
  rule: checkedPerDocument('the document is read as the caller, and so is each that refers to it'),
  handler: async (ctx, given) => {
    await documentAbout(ctx, given.doctype, given.name, 'read')
    const docs = await submittedChain(ctx, given.doctype, given.name)
    return { docs, count: docs.length }
  },
})

const cancelLinked = defineMethod({
  path: 'frappe.desk.form.linked_with.cancel_all_linked_docs',
  summary: 'Cancels the documents given as `docs`, the outermost first: all or none.',
  verbs: writing,
  input: Type.Object({ docs: Type.Unknown(), ignore_doctypes_on_cancel_all: any }),
  rule: checkedPerDocument('cancel demands the right to cancel'),
  handler: async (ctx, given) => {
    const path = 'frappe.desk.form.linked_with.cancel_all_linked_docs'
    const kept = new Set(readListInput(path, given.ignore_doctypes_on_cancel_all || [], 'ignore_doctypes_on_cancel_all', mostChained))
    for (const [index, doc] of readListInput(path, given.docs, 'docs', mostChained).entries().toArray().reverse()) {
      const { doctype: target, name: docname } = (doc ?? {}) as { doctype?: unknown; name?: unknown }
      if (typeof target !== 'string') throw new BadInput({ method: path, field: `docs[${index}].doctype`, reason: 'is needed' })
      if (kept.has(target)) continue
      const document: AnyDocument = await openForWrite(ctx, target, readName(path, docname, `docs[${index}].name`), 'cancel')
      if (document.docstatus === 1) await cancel(ctx, document)
    }
    return undefined
  },
})

const getChildren = defineMethod({
  path: 'frappe.desk.treeview.get_children',
  summary: 'The documents right below one in a tree, or its roots.',
  verbs: reading,
  input: Type.Object({ doctype, parent: text, is_root: any, include_disabled: any, filters: any }),
  rule: checkedPerDocument('list answers only rows that the caller may read'),
  handler: async (ctx, given) => {
    const meta = await ctx.site.meta.get(given.doctype)
    if (!meta.isTree) throw new BadInput({ method: 'frappe.desk.treeview.get_children', field: 'doctype', reason: 'is no tree' })
    const isGroup = meta.column.has('is_group')
    const { rows } = await list(ctx, meta.name, {
      fields: ['name', ...(isGroup ? ['is_group'] : []), ...(meta.titleField ? [meta.titleField] : []), 'lft', 'rgt'],
      filters: given.parent ? [[meta.parentField, '=', given.parent]] : [[meta.parentField, 'is', 'not set']],
      orderBy: 'name asc',
      limit: 0,
      wire: wireV1(ctx),
    })
    return rows.map((row) => ({
      value: row.name,
      title: (meta.titleField && row[meta.titleField]) || row.name,
      expandable: isGroup ? Number(row.is_group) : Number(row.rgt) > Number(row.lft) + 1 ? 1 : 0,
    }))
  },
})

const addNode = defineMethod({
  path: 'frappe.desk.treeview.add_node',
  summary: 'Adds a document to a tree; further parameters are its fields.',
  verbs: writing,
  input: Type.Object({ doctype, parent: text, is_root: any }),
  keepsUnknown: true,
  rule: checkedPerDocument('insert demands the right to create'),
  handler: async (ctx, given) => {
    const meta = await ctx.site.meta.get(given.doctype)
    if (!meta.isTree) throw new BadInput({ method: 'frappe.desk.treeview.add_node', field: 'doctype', reason: 'is no tree' })
    const { doctype: _, parent, is_root, cmd: __, ...values } = given as Record<string, unknown>
    const isRoot = is_root === true || is_root === 'true' || is_root === 1 || is_root === '1'
    const above = isRoot ? null : (values[meta.parentField] ?? parent ?? null)
    const document = await insert(ctx, meta.name, { ...values, [meta.parentField]: above }, { wire: wireV1(ctx) })
    return { name: document.name }
  },
})

const updateTitle = defineMethod({
  path: 'frappe.model.rename_doc.update_document_title',
  summary: "Changes a document's title field, its name, or both; answers the name.",
  verbs: writing,
  input: Type.Object({
    doctype,
    docname: name,
    title: text,
    name: text,
    merge: Type.Optional(Type.Boolean()),
    enqueue: any,
    new_name: text,
    new_title: text,
  }),
  rule: checkedPerDocument('save and rename demand the right to write'),
  handler: async (ctx, given) => {
    const meta = await ctx.site.meta.get(given.doctype)
    const title = given.title ?? given.new_title
    const wanted = given.name ?? given.new_name
    let docname = given.docname
    if (wanted && wanted !== docname) docname = await rename(ctx, meta.name, docname, wanted, { merge: given.merge === true })
    if (title !== undefined && meta.titleField && meta.titleField !== 'name')
      await save(ctx, await openForWrite(ctx, meta.name, docname), { [meta.titleField]: title }, { wire: wireV1(ctx) })
    return docname
  },
})

const settingsTable = ident('__User_Setting')

async function storedSettings(ctx: Context, target: string): Promise<string> {
  const [row] = await ctx.db.query<{ data: string | null }>(
    ctx.db.dialect.compile(sql`select data from ${settingsTable} where ${ident('user')} = ${ctx.user.name} and doctype = ${target}`),
  )
  return row?.data ?? '{}'
}

const getUserSettings = defineMethod({
  path: 'frappe.model.utils.user_settings.get',
  summary: "How the user arranged a DocType's lists and forms, as JSON text.",
  verbs: reading,
  input: Type.Object({ doctype, for_update: any }),
  rule: signedIn,
  handler: (ctx, given) => storedSettings(ctx, given.doctype),
})

const longestSettings = 100_000

const saveUserSettings = defineMethod({
  path: 'frappe.model.utils.user_settings.save',
  summary: "Lays settings (JSON text) over what the user kept for a DocType's lists and forms.",
  verbs: writing,
  input: Type.Object({ doctype, user_settings: Type.Unknown() }),
  rule: signedIn,
  handler: async (ctx, given) => {
    const path = 'frappe.model.utils.user_settings.save'
    const meta = await ctx.site.meta.get(given.doctype)
    const settings = typeof given.user_settings === 'string' ? parseJson(given.user_settings || '{}', 'user_settings') : given.user_settings
    if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
      throw new BadInput({ method: path, field: 'user_settings', reason: 'must be an object' })
    await ctx.db.begin()
    const data = JSON.stringify({ ...(JSON.parse(await storedSettings(ctx, meta.name)) as object), ...settings })
    if (data.length > longestSettings)
      throw new BadInput({ method: path, field: 'user_settings', reason: `has more than ${longestSettings} characters` })
    const own = sql`${ident('user')} = ${ctx.user.name} and doctype = ${meta.name}`
    await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${settingsTable} where ${own}`))
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`insert into ${settingsTable} (${ident('user')}, doctype, data) values (${ctx.user.name}, ${meta.name}, ${data})`,
      ),
    )
    return data
  },
})

const getApps = defineMethod({
  path: 'frappe.apps.get_apps',
  summary: 'The apps that the user can open.',
  verbs: reading,
  input: Type.Object({}),
  rule: signedIn,
  handler: (ctx) => ctx.site.apps.all.map((app) => ({ name: app.name, title: app.title, route: '/app', logo: '' })),
})

const getTranslations = defineMethod({
  path: 'frappe.translate.get_app_translations',
  summary: "Texts of the user's language, by the English ones.",
  verbs: reading,
  input: Type.Object({ lang: text }),
  rule: guests,
  handler: (ctx, given) => screenTexts(ctx.site, (given.lang ?? ctx.user.language).slice(0, 20)),
})

/** What else desk screens ask for: linked documents, trees, titles, settings of a person, apps, translations. */
export const deskMoreMethods: readonly Method[] = [
  linkedGet,
  submittedLinked,
  cancelLinked,
  getChildren,
  addNode,
  updateTitle,
  getUserSettings,
  saveUserSettings,
  getApps,
  getTranslations,
]
