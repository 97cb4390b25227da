import { Type } from 'typebox'
import { conditionComplaint } from '#kernel/automation/condition.ts'
import { RuleInvalid } from '#kernel/automation/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { type DocumentMethod, defineDocumentMethod } from '#kernel/methods/method.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { checkTemplate } from '#kernel/templates/render.ts'
import { notificationHooks, queueNotification } from '../../notification-events.ts'

interface NotificationFields {
  document_type: string
  event: string
  channel: string
  method: string | null
  date_changed: string | null
  value_changed: string | null
  condition: string | null
  subject: string | null
  message: string | null
  message_type: string | null
  set_property_after_alert: string | null
  send_to_all_assignees: 0 | 1
  recipients: {
    receiver_by_document_field: string | null
    receiver_by_role: string | null
    cc: string | null
    bcc: string | null
    condition: string | null
  }[]
}

/** What to tell whom when something happens to documents. */
export default class Notification extends Document<NotificationFields> {
  async validate(ctx: Context): Promise<void> {
    const meta = await ctx.site.meta.get(this.document_type)
    const refuse = (field: string, reason: string): never => {
      throw new RuleInvalid({ doctype: 'Notification', name: this.name, field, reason })
    }
    if (meta.isTable || meta.isVirtual) refuse('document_type', `nothing happens to documents of ${meta.name} by themselves.`)
    if (this.event === 'Method' && !(notificationHooks as readonly string[]).includes(this.method ?? ''))
      refuse('method', `"${this.method}" is not one of ${notificationHooks.join(', ')}.`)
    if (this.event.startsWith('Days')) {
      if (meta.isSingle) refuse('event', `${meta.name} is a single document.`)
      if (!['Date', 'Datetime'].includes(meta.column.get(this.date_changed ?? '')?.fieldtype ?? ''))
        refuse('date_changed', `${meta.name} has no date "${this.date_changed}".`)
    }
    if (this.event === 'Value Change' && !meta.column.has(this.value_changed ?? ''))
      refuse('value_changed', `${meta.name} stores no field "${this.value_changed}".`)
    checkProperty(this, meta, refuse)
    for (const [field, source] of [
      ['subject', this.subject],
      ['message', this.message],
    ] as const) {
      const problem = checkTemplate(source ?? '')
      if (problem) refuse(field, problem.message)
    }
    checkCondition('condition', this.condition, refuse)
    this.recipients.forEach((row, index) => {
      checkCondition(`recipients[${index}].condition`, row.condition, refuse)
      checkReceiver(`recipients[${index}].receiver_by_document_field`, meta, row.receiver_by_document_field, refuse)
    })
    if (this.channel !== 'Slack' && this.recipients.length === 0 && this.send_to_all_assignees !== 1)
      refuse('recipients', 'nobody would be told.')
  }

  async on_change(ctx: Context): Promise<void> {
    await bumpEpoch(ctx, 'config')
  }
}

type Refuse = (field: string, reason: string) => never

function checkCondition(field: string, source: string | null, refuse: Refuse): void {
  const complaint = conditionComplaint(source)
  if (complaint) refuse(field, complaint)
}

function checkProperty({ set_property_after_alert: fieldname }: NotificationFields, meta: Meta, refuse: Refuse): void {
  if (!fieldname) return
  const field = meta.field.get(fieldname)
  if (!field?.stored || field.fieldtype === 'Password') refuse('set_property_after_alert', `${meta.name} stores no field "${fieldname}".`)
}

function checkReceiver(field: string, meta: Meta, source: string | null, refuse: Refuse): void {
  if (!source) return
  const [fieldname = '', table] = source.split(',').map((part) => part.trim())
  const isKnown = table ? meta.tables.some((one) => one.fieldname === table) : meta.column.has(fieldname)
  if (!isKnown) refuse(field, `${meta.name} has no field "${source}".`)
}

export const documentMethods: DocumentMethod[] = [
  defineDocumentMethod({
    verb: 'trigger',
    doctype: 'Notification',
    summary: 'Sends the notification about one document now, whatever its event; `key` makes that happen once.',
    input: Type.Object({ name: Type.String({ minLength: 1, maxLength: 140 }), key: Type.String({ minLength: 1, maxLength: 140 }) }),
    needs: 'write',
    handler: async (ctx, rule, given) => {
      const { name, key } = given as { name: string; key: string }
      await queueNotification(ctx, rule, await getDocument(ctx, String(rule.document_type), name), `custom ${key}`)
      return undefined
    },
  }),
]
