import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { rename } from '#kernel/documents/rename.ts'
import { cancel, discard, openForWrite, submit } from '#kernel/documents/save.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { applyWorkflow } from '#kernel/workflow/apply.ts'
import { MethodUnknown, VerbNotAllowed } from './errors.ts'
import { readInput } from './input.ts'
import type { DocumentMethod, Verb } from './method.ts'

const reading: ReadonlySet<Action> = new Set<Action>(['select', 'read', 'report', 'print', 'export', 'email'])

/** What a verb of a document gave, and the document afterwards. */
export interface DocumentOutcome {
  readonly result: unknown
  readonly document: AnyDocument
}

/** Verbs that every document has; an app that declares its own of that name takes precedence. */
function commonVerb(doctype: string, verb: string): DocumentMethod | undefined {
  const known = Object.hasOwn(commonVerbs, verb) ? commonVerbs[verb] : undefined
  return known && { ...known, doctype, verb }
}

type CommonVerb = Omit<DocumentMethod, 'doctype' | 'verb'>

const nothing = Type.Object({})
const commonVerbs: Readonly<Record<string, CommonVerb>> = {
  submit: {
    summary: 'Makes the document final.',
    needs: 'submit',
    input: nothing,
    handler: async (ctx, document) => void (await submit(ctx, document)),
  },
  cancel: {
    summary: 'Takes the submitted document back.',
    needs: 'cancel',
    input: nothing,
    handler: async (ctx, document) => void (await cancel(ctx, document)),
  },
  discard: {
    summary: 'Drops the draft.',
    needs: 'write',
    input: nothing,
    handler: async (ctx, document) => Object.assign(document, await discard(ctx, document)) && undefined,
  },
  apply_workflow: {
    summary: "Takes an action of the DocType's workflow. With `state`, nothing happens if the document is no longer in it.",
    needs: 'write',
    input: Type.Object({
      action: Type.String({ minLength: 1, maxLength: 140 }),
      state: Type.Optional(Type.String({ maxLength: 140 })),
      comment: Type.Optional(Type.String({ maxLength: 10_000 })),
    }),
    handler: async (ctx, document, given) => {
      const { action, state, comment } = given as { action: string; state?: string; comment?: string }
      const options = { ...(state !== undefined && { from: state }), ...(comment !== undefined && { reason: comment }) }
      Object.assign(document, await applyWorkflow(ctx, document.doctype, String(document.name), action, options))
    },
  },
  rename: {
    summary: 'Gives the document another name.',
    needs: 'write',
    input: Type.Object({ name: Type.String({ minLength: 1, maxLength: 140 }), merge: Type.Optional(Type.Boolean()) }),
    handler: async (ctx, document, given) => {
      const { name, merge } = given as { name: string; merge?: boolean }
      document.name = await rename(ctx, document.doctype, String(document.name), name, { merge: merge === true })
      return document.name
    },
  },
}

/** The verb that a DocType offers on its documents. @throws DocTypeNotFound, MethodUnknown */
export async function findDocumentMethod(ctx: Context, doctype: string, verb: string): Promise<DocumentMethod> {
  const meta = await ctx.site.meta.get(doctype)
  const method = ctx.site.apps.documentMethod(meta.name, verb) ?? commonVerb(meta.name, verb)
  if (!method) throw new MethodUnknown({ method: `${meta.name}.${verb}`.slice(0, 140) })
  return method
}

/**
 * Calls a verb of one document for the context's user: the right it needs on the document is checked, then its input.
 * A GET only calls verbs that need a reading right.
 * @param prepare lays unsaved values over the loaded document before the verb runs
 * @throws MethodUnknown, VerbNotAllowed, DocumentNotFound, PermissionDenied, BadInput
 */
export async function callDocumentMethod(
  ctx: Context,
  doctype: string,
  name: string,
  verb: string,
  given: Readonly<Record<string, unknown>>,
  http: Verb,
  prepare?: (document: AnyDocument) => Promise<void>,
): Promise<DocumentOutcome> {
  const method = await findDocumentMethod(ctx, doctype, verb)
  const reads = reading.has(method.needs)
  if (http === 'GET' && !reads) throw new VerbNotAllowed({ method: `${method.doctype}.${verb}`, verb: http, allowed: ['POST'] })
  const document = reads ? await getDocument(ctx, method.doctype, name) : await openForWrite(ctx, method.doctype, name, method.needs)
  if (reads && method.needs !== 'read') await demand(ctx, method.needs, method.doctype, document)
  const input = readInput({ path: `${method.doctype}.${verb}`, input: method.input }, given)
  await prepare?.(document)
  return { result: await method.handler(ctx, document, input as never), document }
}
