import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { assignValues, copyOf } from '#kernel/documents/cast.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { Stale } from '#kernel/documents/errors.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { expectedVersion, readDocumentInput, readName } from '#kernel/methods/document-input.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, type Method } from '#kernel/methods/method.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { wireV1, writtenV1 } from '#kernel/methods/wire-v1.ts'
import { restoreForbidden } from '#kernel/permissions/field-access.ts'

const path = 'run_doc_method'
const text = Type.Optional(Type.String())
const any = Type.Optional(Type.Unknown())

const runDocMethod = defineMethod({
  path,
  summary:
    'Calls a verb of one document, named by `dt` and `dn` or given as `docs` with unsaved changes; answers its result and the document as `docs`.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({
    method: Type.String({ minLength: 1, maxLength: 140 }),
    dt: text,
    dn: any,
    docs: any,
    args: any,
    document: any,
    kwargs: any,
    arg: any,
  }),
  rule: checkedPerDocument('the verb says which right on the document it needs'),
  handler: async (ctx, given) => {
    const held = given.docs ?? given.document
    const values = held === undefined || held === null ? undefined : readDocumentInput(path, held, 'docs')
    const doctype = given.dt ?? values?.doctype
    if (!doctype) throw new BadInput({ method: path, field: 'dt', reason: 'is needed' })
    const name = readName(path, given.dn ?? values?.name ?? doctype, 'dn')
    const { result, document } = await callDocumentMethod(ctx, doctype, name, given.method, argumentsOf(given), 'POST', (stored) =>
      layOver(ctx, stored, values),
    )
    ctx.answer.docs = [await writtenV1(ctx, document)]
    return result
  },
})

function argumentsOf(given: { args?: unknown; kwargs?: unknown; arg?: unknown }): Record<string, unknown> {
  const value = given.args ?? given.kwargs ?? given.arg
  if (value === undefined || value === null || value === '') return {}
  const read = typeof value === 'string' ? parseJson(value, 'args') : value
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw new BadInput({ method: path, field: 'args', reason: 'must be an object' })
  return read as Record<string, unknown>
}

/** Lays what a form holds over the stored document, as far as the user may write it; nothing is saved by that. */
async function layOver(ctx: Context, document: AnyDocument, values: Record<string, unknown> | undefined): Promise<void> {
  if (!values) return
  const wire = wireV1(ctx)
  const expected = expectedVersion(document, values.modified, wire)
  if (expected !== undefined && expected !== document.modified)
    throw new Stale({
      doctype: document.doctype,
      name: String(document.name),
      fields: [],
      modified: document.modified,
      modifiedBy: document.modified_by,
    })
  const meta = await ctx.site.meta.get(document.doctype)
  const before = copyOf(document)
  await assignValues(ctx, meta, document, values, wire)
  if (!ctx.user.unrestricted) await restoreForbidden(ctx, meta, document, before)
}

/** Verbs of documents, by the names that clients call them. */
export const runDocumentMethods: readonly Method[] = [
  runDocMethod,
  { ...runDocMethod, path: 'runserverobj' },
  { ...runDocMethod, path: 'frappe.handler.run_doc_method' },
]
