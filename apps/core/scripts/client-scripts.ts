import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import { defineCache } from '#kernel/cache/cache.ts'
import { doctypeAnswer } from '#kernel/methods/doctype-answer.ts'
import { checkedPerDocument, defineMethod, type Method } from '#kernel/methods/method.ts'
import { findRows } from '#kernel/query/find-rows.ts'

interface ClientScript {
  readonly name: string
  readonly view: string
  readonly script: string
}

/** Every form and list that opens asks for its scripts. */
export const clientScripts = defineCache<string, readonly ClientScript[]>({
  name: 'core/client-scripts',
  scope: 'site',
  level: 'shared',
  ttlMs: 3_600_000,
  dependsOn: ['meta'],
  load: async (ctx, doctype) => {
    const meta = await ctx.site.meta.get('Client Script')
    const rows = await findRows(ctx, meta, and(where('dt', '=', doctype), where('enabled', '=', 1)), { fields: ['name', 'view', 'script'] })
    return rows.map(({ name, view, script }) => ({ name, view: String(view ?? 'Form'), script: String(script ?? '') }))
  },
  warm: async (ctx) => {
    const meta = await ctx.site.meta.get('Client Script')
    const rows = await findRows(ctx, meta, where('enabled', '=', 1), { fields: ['dt'] })
    return [...new Set(rows.map(({ dt }) => String(dt)))]
  },
})

const formScripts = defineMethod({
  path: 'frappe.desk.form.load.get_client_scripts',
  summary: 'The scripts that run beside the forms and lists of a DocType, for those who may see its definition.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ doctype: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: checkedPerDocument('the definition itself is refused to those who may do nothing with its documents'),
  handler: async (ctx, { doctype }) => {
    const { name } = await doctypeAnswer(ctx, doctype)
    return clientScripts.get(ctx, String(name))
  },
})

export const clientScriptMethods: readonly Method[] = [formScripts]
