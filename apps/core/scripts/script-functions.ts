import type { JsonValue } from '#client/rules/sandbox/sandbox.ts'
import type { Context } from '#kernel/context/context.ts'
import { safeFetch } from '#kernel/external/safe-fetch.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { callMethod, findMethod, methodAt } from '#kernel/methods/call.ts'
import { type Action, actions } from '#kernel/permissions/grant.ts'
import { can } from '#kernel/permissions/grants.ts'
import { publish, type Target } from '#kernel/realtime/publish.ts'
import { ScriptInvalid } from '#kernel/scripts/errors.ts'
import type { HostFunction } from '#kernel/scripts/sandbox.ts'

type Values = Record<string, JsonValue>
type Functions = Record<string, HostFunction>

const reading = ['get', 'get_list', 'get_value', 'get_count', 'get_single_value'].map((name) => `frappe.client.${name}`)
const writing = [
  ...['insert', 'save', 'submit', 'cancel', 'delete', 'set_value', 'rename_doc'].map((name) => `frappe.client.${name}`),
  'frappe.desk.form.utils.add_comment',
]

/** Milliseconds for a call of another server, and bytes of its answer. */
const fetchLimits = { timeoutMs: 10_000, maxBytes: 1_000_000 }

/** What a script may ask for that only looks. Each goes through the same checks as a caller from outside. */
export function readingFunctions(ctx: Context): Functions {
  return inTurn({
    ...methods(ctx, reading),
    'frappe.has_permission': async (doctype, action, name) => {
      const right = actions.find((one) => one === action)
      if (!right) throw new ScriptInvalid({ field: 'action', reason: `"${String(action)}" is not a right such as read or write.` })
      return mayDo(ctx, String(doctype), right, name)
    },
  })
}

/** Everything that a script may ask for, in the context's transaction and with the context's rights. */
export function allFunctions(ctx: Context): Functions {
  return inTurn({
    ...readingFunctions(ctx),
    ...methods(ctx, writing),
    'frappe.call': async (path, values) => callMethod(ctx, await methodAt(ctx, String(path)), objectOf(values), 'POST'),
    'frappe.enqueue': async (job, values) => (await enqueue(ctx, String(job), objectOf(values))).id,
    'frappe.publish_realtime': (event, message, target) => publish(ctx, String(event), message, targetOf(objectOf(target))),
    'frappe.sendmail': (mail) => mailFrom(ctx, objectOf(mail)),
    'frappe.make_request': (method, url, options) => request(ctx, String(method), String(url), objectOf(options)),
  })
}

/** One after another, though a script may ask for several at once: they share one transaction. */
function inTurn(functions: Functions): Functions {
  let last: Promise<unknown> = Promise.resolve()
  const turns: Functions = {}
  for (const [name, work] of Object.entries(functions))
    turns[name] = (...values) => {
      const own = last.then(() => work(...values))
      last = own.catch(() => undefined)
      return own
    }
  return turns
}

function methods(ctx: Context, paths: readonly string[]): Functions {
  return Object.fromEntries(
    paths.map((path) => [path, (values: JsonValue) => callMethod(ctx, findMethod(ctx, path), objectOf(values), 'POST')]),
  )
}

async function mayDo(ctx: Context, doctype: string, action: Action, name: JsonValue | undefined): Promise<boolean> {
  if (typeof name !== 'string') return can(ctx, action, doctype)
  const { has_permission: may } = (await callMethod(
    ctx,
    findMethod(ctx, 'frappe.client.has_permission'),
    { doctype, docname: name, perm_type: action },
    'POST',
  )) as { has_permission: boolean }
  return may
}

function mailFrom(ctx: Context, mail: Values): Promise<string> {
  const to = listOf(mail.recipients)
  if (to.length === 0) throw new ScriptInvalid({ field: 'recipients', reason: 'names nobody.' })
  const { reference_doctype: doctype, reference_name: name } = mail
  return sendMail(ctx, {
    to,
    cc: listOf(mail.cc),
    bcc: listOf(mail.bcc),
    subject: String(mail.subject ?? ''),
    ...(mail.message !== undefined && { html: String(mail.message) }),
    ...(typeof doctype === 'string' && typeof name === 'string' && { about: { doctype, name } }),
  })
}

/** Calls another server. Never while something waits to be committed: a slow stranger must not hold rows, or the site's turn to write. */
async function request(ctx: Context, method: string, url: string, options: Values): Promise<unknown> {
  if (ctx.db.isWriting)
    throw new ScriptInvalid({
      field: 'url',
      reason: 'another server cannot be called once something was written; call it first, or in a job.',
    })
  const { headers, params, data, json } = options
  const address = new URL(url)
  for (const [key, value] of Object.entries(objectOf(params))) address.searchParams.set(key, String(value))
  const body = json !== undefined ? JSON.stringify(json) : typeof data === 'string' ? data : data && JSON.stringify(data)
  const sent = objectOf(headers)
  const isJson = body !== undefined && typeof data !== 'string' && !Object.keys(sent).some((key) => key.toLowerCase() === 'content-type')
  const answer = await safeFetch(ctx.site, address.href, {
    method,
    headers: {
      ...Object.fromEntries(Object.entries(sent).map(([key, value]) => [key, String(value)])),
      ...(isJson && { 'content-type': 'application/json' }),
    },
    ...(typeof body === 'string' && { body }),
    ...fetchLimits,
  })
  const text = new TextDecoder().decode(answer.body)
  if (answer.status >= 400) throw new ScriptInvalid({ field: 'url', reason: `${address.host} answered ${answer.status}.` })
  return /\bjson\b/.test(answer.headers['content-type'] ?? '') ? JSON.parse(text) : text
}

function targetOf({ user, doctype, docname, room }: Values): Target {
  const given = { user, doctype, docname, room }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => typeof value === 'string')) as Target
}

function listOf(value: JsonValue | undefined): string[] {
  if (typeof value === 'string')
    return value
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
  return Array.isArray(value) ? value.map(String) : []
}

function objectOf(value: JsonValue | undefined): Values {
  if (value === null || value === undefined) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as Values
  throw new ScriptInvalid({ field: 'values', reason: 'must be an object.' })
}
