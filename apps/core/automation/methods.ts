import { Type } from 'typebox'
import { openForWrite } from '#kernel/documents/save.ts'
import { readListInput, readName } from '#kernel/methods/document-input.ts'
import { checkedPerDocument, defineMethod, type Method, permission } from '#kernel/methods/method.ts'
import { find } from '#kernel/documents/load.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { applyRulesTo } from './assignments.ts'
import { documentsDueToday } from './due-notifications.ts'

const doctype = Type.String({ minLength: 1, maxLength: 140 })
/** Documents that one call assigns. */
const mostDocuments = 500

const bulkApply = defineMethod({
  path: 'frappe.automation.doctype.assignment_rule.assignment_rule.bulk_apply',
  summary: `Applies the Assignment Rules to up to ${mostDocuments} documents that the user may change.`,
  verbs: ['POST', 'PUT'],
  input: Type.Object({ doctype, docnames: Type.Unknown() }),
  rule: checkedPerDocument('the right to write each document is demanded'),
  handler: async (ctx, given) => {
    const path = 'frappe.automation.doctype.assignment_rule.assignment_rule.bulk_apply'
    for (const [index, one] of readListInput(path, given.docnames, 'docnames', mostDocuments).entries())
      await applyRulesTo(ctx, await openForWrite(ctx, given.doctype, readName(path, one, `docnames[${index}]`)))
    return undefined
  },
})

const dueToday = defineMethod({
  path: 'frappe.email.doctype.notification.notification.get_documents_for_today',
  summary: 'Names of the documents for which a notification by days is due today.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ notification: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: permission('write', 'Notification'),
  handler: async (ctx, given) => {
    const rule = await find(ctx, await ctx.site.meta.get('Notification'), given.notification)
    if (!String(rule?.event ?? '').startsWith('Days') || !rule)
      throw new BadInput({
        method: 'frappe.email.doctype.notification.notification.get_documents_for_today',
        field: 'notification',
        reason: 'must be a Notification by days',
      })
    return documentsDueToday(ctx, rule)
  },
})

/** What forms of rules ask for. */
export const automationMethods: readonly Method[] = [bulkApply, dueToday]
