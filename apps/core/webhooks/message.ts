import type { Context } from '#kernel/context/context.ts'
import { conditionHolds } from '#kernel/automation/condition.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { can } from '#kernel/permissions/grants.ts'
import { renderTemplate } from '#kernel/templates/render.ts'
import { templateData } from '#kernel/templates/template-data.ts'
import { WebhookInvalid } from './errors.ts'

/** A Webhook document as its messages need it. */
export type WebhookRule = AnyDocument & {
  readonly webhook_doctype: string
  readonly webhook_docevent: string | null
  readonly condition: string | null
  readonly request_url: string
  readonly is_dynamic_url: number
  readonly request_method: string
  readonly request_structure: string | null
  readonly webhook_json: string | null
  readonly webhook_data: readonly { fieldname: string; key: string }[]
  readonly runs_as: string | null
}

/** What is to be sent, to the last byte. */
export interface Message {
  readonly url: string
  readonly contentType: string
  readonly body: string
}

/** Whose eyes a webhook looks with: of the person who changed it last, whatever document changes by whomever. */
export function eyesOf(webhook: AnyDocument): string {
  const { runs_as } = webhook as WebhookRule
  return runs_as || webhook.owner
}

/**
 * The message of a webhook about a document, as its user may read it. Condition, address and content all see the same: fields that this
 * user may not read are missing, masked ones masked, secrets asterisks.
 * @returns undefined when the condition does not hold, or the user may not read the document
 * @throws WebhookInvalid, TemplateInvalid, UserUnavailable …
 */
export async function messageOf(ctx: Context, webhook: AnyDocument, document: AnyDocument, event: string): Promise<Message | undefined> {
  const rule = webhook as WebhookRule
  const eyes = ctx.as(await principalOf(ctx, eyesOf(webhook)))
  if (!(await can(eyes, 'read', document.doctype, document))) return undefined
  const doc = await templateData(eyes, document)
  if (!conditionHolds(eyes, rule.condition, doc as AnyDocument)) return undefined
  const url = rule.is_dynamic_url ? await dynamicUrl(eyes, rule.request_url, doc) : rule.request_url
  if (rule.request_structure === 'JSON')
    return { url, contentType: 'application/json', body: await jsonBody(eyes, rule.webhook_json ?? '', doc) }
  const rows = rule.webhook_data ?? []
  // Nothing chosen: who and what, and nothing of what it holds.
  const data: Record<string, unknown> = rows.length === 0 ? { doctype: document.doctype, name: document.name, event } : {}
  for (const { fieldname, key } of rows) data[key] = doc[fieldname] ?? null
  if (rule.request_structure === 'Form URL-Encoded') return { url, contentType: 'application/x-www-form-urlencoded', body: formBody(data) }
  return { url, contentType: 'application/json', body: JSON.stringify(data) }
}

function formBody(data: Record<string, unknown>): string {
  const texts = Object.entries(data).map(([key, value]) => [
    key,
    typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? ''),
  ])
  return new URLSearchParams(texts).toString()
}

/**
 * Fills in a template of JSON. What is put in can only ever be a value, or part of one: a text with quotation marks adds no keys.
 */
async function jsonBody(ctx: Context, source: string, doc: Record<string, unknown>): Promise<string> {
  const template = parsed(source)
  if (template) return JSON.stringify(await filledIn(ctx, template.value, { doc }))
  // Some placeholder stands outside of the quotation marks, as numbers do.
  const text = await renderTemplate(ctx, source, { doc: escaped(doc) }, { escape: 'none' })
  const result = parsed(text)
  if (!result) throw new WebhookInvalid({ field: 'webhook_json', reason: 'its template, filled in, is no JSON.' })
  return JSON.stringify(result.value)
}

async function filledIn(ctx: Context, value: unknown, data: Record<string, unknown>): Promise<unknown> {
  if (typeof value === 'string') return renderTemplate(ctx, value, data, { escape: 'none' })
  if (Array.isArray(value)) return Promise.all(value.map((one) => filledIn(ctx, one, data)))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(async ([key, one]) => [key, await filledIn(ctx, one, data)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

/** The same data with each text written as it stands between quotation marks in JSON. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return JSON.stringify(value).slice(1, -1)
  if (Array.isArray(value)) return value.map(escaped)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, escaped(one)]))
}

/** Fills in an address; what is put in is encoded, so that a document cannot choose the host. */
async function dynamicUrl(ctx: Context, source: string, doc: Record<string, unknown>): Promise<string> {
  const encoded = Object.fromEntries(
    Object.entries(doc).map(([key, value]) => [key, typeof value === 'string' ? encodeURIComponent(value) : value]),
  )
  return renderTemplate(ctx, source, { doc: encoded }, { escape: 'none' })
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}
