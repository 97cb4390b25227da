import { type ClientError, isRecord, localFailure, readFailure } from './client-error.ts'
import type { DocumentOf, NameIn, ValuesOf } from './doc-types.ts'
import { type CallOptions, dataOf, signalOf } from './documents.ts'
import type { Transport, Verb } from './transport.ts'

/** One step of a batch: on a document of a DocType, or a method. */
export type BatchStep<Types> = DocumentStep<Types> | { call: string; input?: object }

type DocumentStep<Types> =
  | {
      [Name in keyof Types & string]: StepOn<Name, DocumentOf<Types, Name>>
    }[keyof Types & string]
  | StepOn<Exclude<NameIn<Types>, keyof Types>, DocumentOf<Types, string>>

type StepOn<Name, Document> =
  | { insert: Name; values: ValuesOf<Document> }
  | { update: Name; name: string; values: ValuesOf<Document> }
  | { remove: Name; name: string }
  | { get: Name; name: string }

/** What became of one step. Without `atomic`, steps stand and fall alone. */
export type BatchOutcome = { ok: true; data: unknown } | { ok: false; error: ClientError }

export interface BatchOptions extends CallOptions {
  /** All or nothing, in one transaction; the default. The first refusal is then thrown, its `field` beginning with `operations[n]`. */
  atomic?: boolean
}

/** Sends steps as one call, at most 100; they are done in order. @throws ClientError */
export async function sendBatch(send: Transport, steps: readonly BatchStep<object>[], options: BatchOptions = {}): Promise<BatchOutcome[]> {
  if (steps.length === 0) return []
  const body = { operations: steps.map((step) => operationOf(step as LooseStep)), atomic: options.atomic ?? true }
  const results = dataOf(await send({ verb: 'POST', path: '/api/v2/batch', body, ...signalOf(options) }))
  if (!Array.isArray(results) || results.length !== steps.length) {
    throw localFailure('client/bad-answer', 'The server’s answer does not fit the batch.')
  }
  return results.map(outcomeOf)
}

/** A step, with its names read as text. */
type LooseStep = { values?: object; name?: string } & (
  | { insert: string }
  | { update: string }
  | { remove: string }
  | { get: string }
  | { call: string; input?: object }
)

function operationOf(step: LooseStep): { method: Verb; path: string; body?: object } {
  const path = (doctype: string) =>
    ['/api/v2/document', doctype, ...(step.name === undefined ? [] : [step.name])]
      .map((part, at) => (at === 0 ? part : encodeURIComponent(part)))
      .join('/')
  if ('insert' in step) return { method: 'POST', path: path(step.insert), body: step.values ?? {} }
  if ('update' in step) return { method: 'PATCH', path: path(step.update), body: step.values ?? {} }
  if ('remove' in step) return { method: 'DELETE', path: path(step.remove) }
  if ('get' in step) return { method: 'GET', path: path(step.get) }
  return { method: 'POST', path: `/api/v2/method/${encodeURIComponent(step.call)}`, body: step.input ?? {} }
}

function outcomeOf(result: unknown): BatchOutcome {
  const { status, body } = isRecord(result) ? result : {}
  if (typeof status === 'number' && status < 400) return { ok: true, data: isRecord(body) ? body.data : undefined }
  return { ok: false, error: readFailure(typeof status === 'number' ? status : 500, body, '') }
}
