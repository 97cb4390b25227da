import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { remove } from '#kernel/documents/remove.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { expectedVersion, readListInput, readName } from '#kernel/methods/document-input.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { VerbRefused } from './errors.ts'
import { type Answer, type Call, wireOf } from './exchange.ts'
import { textParam } from './list-params.ts'

/** Documents that one call may change. */
const most = 500

interface Failure {
  name: string
  error: { code: string; type: string; message: string; field: string }
}

/** Deletes documents by name; those that cannot go are named, the others go. */
export async function bulkDelete(ctx: Context, call: Call, doctype: string | undefined): Promise<Answer> {
  const target = targetOf(call, doctype, 'bulk_delete')
  const names = readListInput('bulk_delete', call.params.names, 'names', most).map((name, index) =>
    readName('bulk_delete', name, `names[${index}]`),
  )
  const { done, failed } = await each(ctx, names, (name) => remove(ctx, target, name))
  return outcome('deleted', done, failed)
}

/** Changes documents, each given with its name and the fields to set; those that cannot change are named, the others do. */
export async function bulkUpdate(ctx: Context, call: Call, doctype: string | undefined): Promise<Answer> {
  const wire = wireOf(ctx.site, 2)
  const documents = new Map<string, { doctype: string; values: Record<string, unknown> }>()
  for (const [index, given] of readListInput('bulk_update', call.params.docs, 'docs', most).entries()) {
    if (typeof given !== 'object' || given === null)
      throw new BadInput({ method: 'bulk_update', field: `docs[${index}]`, reason: 'must be a document' })
    const values = given as Record<string, unknown>
    const name = readName('bulk_update', values.name ?? values.docname, `docs[${index}].name`)
    if (documents.has(name)) throw new BadInput({ method: 'bulk_update', field: `docs[${index}].name`, reason: 'is given twice' })
    const { name: _, docname: __, ...fields } = values
    documents.set(name, { doctype: doctype ?? textParam(values, 'doctype') ?? targetOf(call, undefined, 'bulk_update'), values: fields })
  }
  const { done, failed } = await each(ctx, [...documents.keys()], async (name) => {
    const { doctype: target, values } = documents.get(name) as { doctype: string; values: Record<string, unknown> }
    const document = await openForWrite(ctx, target, name)
    const expected = expectedVersion(document, values.modified, wire)
    await save(ctx, document, values, { wire, ...(expected !== undefined && { expected }) })
  })
  return outcome('updated', done, failed)
}

function targetOf(call: Call, doctype: string | undefined, method: string): string {
  if (call.verb === 'GET') throw new VerbRefused({ path: call.path, verb: call.verb, allowed: ['POST'] })
  const target = doctype ?? textParam(call.params, 'doctype')
  if (!target) throw new BadInput({ method, field: 'doctype', reason: 'is needed' })
  return target
}

async function each(
  ctx: Context,
  names: readonly string[],
  work: (name: string) => Promise<unknown>,
): Promise<{ done: string[]; failed: Failure[] }> {
  const done: string[] = []
  const failed: Failure[] = []
  for (const name of names) {
    try {
      await ctx.db.savepoint(async () => work(name))
      done.push(name)
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error
      failed.push({ name, error: { code: error.code, type: error.excType, message: error.message, field: error.field } })
    }
  }
  return { done, failed }
}

function outcome(key: 'deleted' | 'updated', done: string[], failed: Failure[]): Answer {
  return { data: { [key]: done, failed, total: done.length + failed.length, success_count: done.length, failure_count: failed.length } }
}
