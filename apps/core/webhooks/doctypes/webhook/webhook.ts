import { Type } from 'typebox'
import { conditionComplaint } from '#kernel/automation/condition.ts'
import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { readUrl } from '#kernel/external/safe-fetch.ts'
import { type DocumentMethod, defineDocumentMethod } from '#kernel/methods/method.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { checkTemplate } from '#kernel/templates/render.ts'
import { WebhookInvalid } from '../../errors.ts'
import { messageOf } from '../../message.ts'

interface WebhookFields {
  webhook_doctype: string
  webhook_docevent: string | null
  condition: string | null
  request_url: string
  is_dynamic_url: number
  timeout: number
  request_structure: string | null
  webhook_json: string | null
  webhook_data: { fieldname: string; key: string }[]
  webhook_headers: { key: string | null; value: string | null; secret: string | null }[]
  enable_security: number
  enabled: number
  failures: number
  runs_as: string | null
}

/** DocTypes of which nobody is told: a message about a message would never end. */
const silent = new Set(['Webhook', 'Webhook Request Log', 'Background Job', 'Audit Entry', 'Audit Seal', 'Error Log'])
/** Headers that the delivery itself sets. */
const ownHeaders = new Set([
  'host',
  'content-length',
  'connection',
  'transfer-encoding',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'idempotency-key',
  'x-frappe-webhook-signature',
])

/** Tells another system over HTTP what happens to documents; how it is sent is in apps/core/webhooks. */
export default class Webhook extends Document<WebhookFields> {
  async validate(ctx: Context): Promise<void> {
    const refuse = (field: string, reason: string): never => {
      throw new WebhookInvalid({ field, reason })
    }
    if (!this.webhook_docevent) refuse('webhook_docevent', 'it names no event.')
    if (silent.has(this.webhook_doctype)) refuse('webhook_doctype', `nobody is told of changes to ${this.webhook_doctype}.`)
    const meta = await ctx.site.meta.get(this.webhook_doctype)
    if (meta.isTable || meta.isVirtual) refuse('webhook_doctype', `${meta.name} has no documents of its own.`)
    const complaint = conditionComplaint(this.condition)
    if (complaint) refuse('condition', complaint)
    if (this.is_dynamic_url) {
      const problem = checkTemplate(this.request_url)
      if (problem) refuse('request_url', problem.message)
      // What comes before the path decides who is called: no document may.
      if (!/^https?:\/\/[^/{}]+(\/|$)/.test(this.request_url)) refuse('request_url', 'the host of an address cannot be filled in.')
    } else readUrl(this.request_url, 'request_url')
    if (!(this.timeout >= 1 && this.timeout <= 60)) refuse('timeout', 'it must wait from 1 to 60 seconds.')
    const problem = this.request_structure === 'JSON' ? checkTemplate(this.webhook_json ?? '') : undefined
    if (problem) refuse('webhook_json', problem.message)
    if (this.request_structure === 'JSON' && !this.webhook_json?.trim()) refuse('webhook_json', 'the template is empty.')
    for (const [index, { fieldname }] of (this.webhook_data ?? []).entries())
      if (!meta.column.has(fieldname) && !meta.tables.some((table) => table.fieldname === fieldname))
        refuse(`webhook_data[${index}].fieldname`, `${meta.name} has no field "${fieldname}".`)
    for (const [index, { key }] of (this.webhook_headers ?? []).entries())
      if (key && (!/^[\w!#$%&'*+.^`|~-]+$/.test(key) || ownHeaders.has(key.toLowerCase())))
        refuse(`webhook_headers[${index}].key`, `"${key.slice(0, 80)}" cannot be set.`)
    // Whoever changes it sends what they may read themselves, and never what somebody before them could.
    if (ctx.elevation === undefined || !this.runs_as) this.runs_as = ctx.user.name
    if (!this.enabled) this.failures = 0
  }

  on_change(ctx: Context): Promise<void> {
    return bumpEpoch(ctx, 'config')
  }

  after_rename(ctx: Context): Promise<void> {
    return bumpEpoch(ctx, 'config')
  }

  after_delete(ctx: Context): Promise<void> {
    return bumpEpoch(ctx, 'config')
  }
}

export const documentMethods: DocumentMethod[] = [
  defineDocumentMethod({
    verb: 'preview',
    doctype: 'Webhook',
    summary: 'What the webhook would send of a document now; nothing is sent.',
    input: Type.Object({ document: Type.String({ maxLength: 140 }) }),
    needs: 'write',
    handler: async (ctx, webhook, { document: name }) => {
      const { webhook_doctype, webhook_docevent } = webhook as AnyDocument & WebhookFields
      const document = await getDocument(ctx, webhook_doctype, name)
      // With the eyes of whoever asks: a preview shows nobody what only another may read.
      const message = await messageOf(
        ctx,
        Object.assign(Object.create(webhook), { runs_as: ctx.user.name }),
        document,
        webhook_docevent ?? '',
      )
      return { meets_condition: message !== undefined, url: message?.url, request_body: message?.body, content_type: message?.contentType }
    },
  }),
]
