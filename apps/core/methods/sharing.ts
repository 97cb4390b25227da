import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { documentInfo } from '#kernel/methods/document-info.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, type Method, roles, signedIn } from '#kernel/methods/method.ts'
import { shownV1 } from '#kernel/methods/wire-v1.ts'
import { explain } from '#kernel/permissions/explain.ts'
import { actions, type Action } from '#kernel/permissions/grant.ts'
import { can, demand } from '#kernel/permissions/grants.ts'
import { demandLinkable } from '#kernel/permissions/link-scope.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { documentAbout } from '../collaboration/about.ts'

const text = Type.Optional(Type.String())
const any = Type.Optional(Type.Unknown())
const flag = Type.Optional(Type.Boolean())
const doctype = Type.String({ minLength: 1, maxLength: 140 })
const name = Type.String({ minLength: 1, maxLength: 140 })
const rights = ['read', 'write', 'share', 'submit'] as const
type Right = (typeof rights)[number]

/** A right can only be given away by those who hold it, and the right to share. */
async function demandGivable(ctx: Context, target: string, docname: string, given: readonly Right[]): Promise<void> {
  const document = await documentAbout(ctx, target, docname, 'share')
  for (const right of given) if (!(await can(ctx, right, target, document))) throw new PermissionDenied({ doctype: target, action: right })
}

async function shareOf(ctx: Context, target: string, docname: string, user: string | null): Promise<string | undefined> {
  const whom = user === null ? sql`everyone = 1` : sql`${ident('user')} = ${user} and everyone = 0`
  const [row] = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select name from ${ident('tabDocShare')} where share_doctype = ${target} and share_name = ${docname} and ${whom}`,
    ),
  )
  return row && String(row.name)
}

/** Apps may hide people from each other; what is elevated below would find them all. @throws LinkNotFound */
async function demandReachable(ctx: Context, user: string): Promise<void> {
  const meta = await ctx.site.meta.get('DocShare')
  const field = meta.links.find((link) => link.fieldname === 'user')
  if (field) await demandLinkable(ctx, meta, field, 'User', user)
}

interface Share {
  doctype: string
  name: string
  user: string | null
  values: Partial<Record<Right, 0 | 1>>
}

async function setShare(
  ctx: Context,
  { doctype: target, name: docname, user, values }: Share,
): Promise<Record<string, unknown> | undefined> {
  await demandGivable(
    ctx,
    target,
    docname,
    rights.filter((right) => values[right] === 1),
  )
  const elevated = ctx.asSystem('shares a document that the caller may share')
  const existing = await shareOf(ctx, target, docname, user)
  if (!existing && user !== null) await demandReachable(ctx, user)
  if (!existing)
    return shownV1(
      ctx,
      await insert(elevated, 'DocShare', {
        user,
        everyone: user === null ? 1 : 0,
        share_doctype: target,
        share_name: docname,
        read: 1,
        ...values,
      }),
    )
  const share = await openForWrite(elevated, 'DocShare', existing)
  // Without the right to read, no other right means anything.
  if (values.read === 0) {
    await remove(elevated, 'DocShare', existing)
    return undefined
  }
  return shownV1(ctx, await save(elevated, share, values))
}

const add = defineMethod({
  path: 'frappe.share.add',
  summary: 'Shares a document with a user, or with everyone. Nobody can give a right they do not hold.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({ doctype, name, user: text, read: flag, write: flag, share: flag, submit: flag, everyone: flag, notify: any }),
  rule: checkedPerDocument('the right to share the document is demanded, and each right that is given'),
  handler: (ctx, given) => {
    if (!given.user && !given.everyone)
      throw new BadInput({ method: 'frappe.share.add', field: 'user', reason: 'is needed, unless everyone is 1' })
    const values = Object.fromEntries(rights.filter((right) => given[right] !== undefined).map((right) => [right, given[right] ? 1 : 0]))
    return setShare(ctx, {
      doctype: given.doctype,
      name: given.name,
      user: given.everyone ? null : (given.user as string),
      values: { ...values, read: 1 },
    })
  },
})

const setPermission = defineMethod({
  path: 'frappe.share.set_permission',
  summary: 'Gives or takes one right of a share.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({ doctype, name, user: text, permission_to: Type.String(), value: flag, everyone: flag }),
  rule: checkedPerDocument('the right to share the document is demanded, and the right that is given'),
  handler: (ctx, given) => {
    const right = given.permission_to as Right
    if (!rights.includes(right))
      throw new BadInput({ method: 'frappe.share.set_permission', field: 'permission_to', reason: `must be one of ${rights.join(', ')}` })
    if (!given.user && !given.everyone)
      throw new BadInput({ method: 'frappe.share.set_permission', field: 'user', reason: 'is needed, unless everyone is 1' })
    const isGiven = given.value !== false
    // Who may no longer read cannot write either; who may write must read.
    const values = { [right]: isGiven ? 1 : 0, ...(isGiven && { read: 1 }) } as Partial<Record<Right, 0 | 1>>
    return setShare(ctx, { doctype: given.doctype, name: given.name, user: given.everyone ? null : (given.user as string), values })
  },
})

const getUsers = defineMethod({
  path: 'frappe.share.get_users',
  summary: 'With whom a document is shared.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ doctype, name }),
  rule: checkedPerDocument('the right to read the document is demanded'),
  handler: async (ctx, given) => {
    await documentAbout(ctx, given.doctype, given.name, 'read')
    return (await documentInfo(ctx, given.doctype, given.name, ['shares'])).shares
  },
})

const explainMethod = defineMethod({
  path: 'orchestrator.permissions.explain',
  summary: 'Why a user may or may not do something with a document: every rule that took part, and the one that decided.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ user: text, doctype, action: text, name: text }),
  rule: roles('System Manager'),
  handler: (ctx, given) => {
    const action = (given.action ?? 'read') as Action
    if (!actions.includes(action))
      throw new BadInput({ method: 'orchestrator.permissions.explain', field: 'action', reason: `must be one of ${actions.join(', ')}` })
    return explain(ctx, { user: given.user ?? ctx.user.name, doctype: given.doctype, action, ...(given.name && { name: given.name }) })
  },
})

const realtimePermission = defineMethod({
  path: 'frappe.realtime.has_permission',
  summary: 'Whether the user may listen to what happens to a document.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ doctype, name }),
  rule: checkedPerDocument('the right to read the document is demanded'),
  handler: async (ctx, given) => {
    await demand(ctx, 'read', given.doctype, await documentAbout(ctx, given.doctype, given.name, 'read'))
    return true
  },
})

const realtimeUser = defineMethod({
  path: 'frappe.realtime.get_user_info',
  summary: 'Who listens: the user and its kind.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: signedIn,
  handler: (ctx) => ({ user: ctx.user.name, user_type: ctx.user.userType, installed_apps: ctx.site.apps.all.map((app) => app.name) }),
})

/** Shares, and questions about rights. */
export const sharingMethods: readonly Method[] = [add, setPermission, getUsers, explainMethod, realtimePermission, realtimeUser]
