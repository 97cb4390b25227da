import { AppError } from '#client/rules/errors.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { ImportedDocument, RowProblem, StyledColumn } from './import-documents.ts'
import type { ImportPlan } from './import-plan.ts'

/** What became of one document of the file. */
export interface ImportOutcome {
  readonly rows: readonly number[]
  /** Name of the stored document; empty when it was refused. */
  readonly name: string
  readonly problems: readonly RowProblem[]
}

/** How documents are stored. */
export interface StoreOptions {
  /** Submits what is new. */
  readonly submit: boolean
}

/**
 * Stores documents of a file in the caller's transaction, each by itself: one that is refused leaves nothing behind and does not hinder the
 * others. The acting user needs the same rights as for storing it by hand.
 */
export async function storeBatch(
  ctx: Context,
  plan: ImportPlan,
  documents: readonly ImportedDocument[],
  options: StoreOptions,
): Promise<ImportOutcome[]> {
  const outcomes: ImportOutcome[] = []
  for (let start = 0; start < documents.length; start += together) {
    const some = documents.slice(start, start + together)
    outcomes.push(...((await storeTogether(ctx, plan, some, options)) ?? (await storeEach(ctx, plan, some, options))))
  }
  return outcomes
}

/** Documents that share a savepoint as long as none is refused: one for each would cost a third more. */
const together = 50

/** Undefined when one of them was refused: then nothing of them is stored, and each must be tried by itself. */
async function storeTogether(
  ctx: Context,
  plan: ImportPlan,
  documents: readonly ImportedDocument[],
  options: StoreOptions,
): Promise<ImportOutcome[] | undefined> {
  if (documents.some(({ problems }) => problems.length > 0)) return undefined
  try {
    return await ctx.db.savepoint(async () => {
      const outcomes: ImportOutcome[] = []
      for (const document of documents)
        outcomes.push({ rows: document.rows, name: String((await store(ctx, plan, document, options)).name), problems: [] })
      return outcomes
    })
  } catch (error) {
    if (concernsAll(error)) throw error
    return undefined
  }
}

async function storeEach(
  ctx: Context,
  plan: ImportPlan,
  documents: readonly ImportedDocument[],
  options: StoreOptions,
): Promise<ImportOutcome[]> {
  const outcomes: ImportOutcome[] = []
  for (const document of documents) {
    if (document.problems.length > 0) {
      outcomes.push({ rows: document.rows, name: '', problems: document.problems })
      continue
    }
    try {
      const stored = await ctx.db.savepoint(() => store(ctx, plan, document, options))
      outcomes.push({ rows: document.rows, name: String(stored.name), problems: [] })
    } catch (error) {
      if (concernsAll(error)) throw error
      if (!(error instanceof AppError) || error.status >= 500)
        ctx.site.log.error({ err: error, doctype: plan.meta.name, row: document.rows[0] }, 'a row could not be imported')
      outcomes.push({ rows: document.rows, name: '', problems: [problemOf(error, document, plan.imported)] })
    }
  }
  return outcomes
}

async function store(ctx: Context, plan: ImportPlan, { values }: ImportedDocument, { submit }: StoreOptions): Promise<AnyDocument> {
  const { meta, mode, matchBy } = plan
  const wire = wireV1(ctx)
  const given = values.name === undefined ? undefined : String(values.name)
  const stored = mode === 'insert' ? undefined : await storedName(ctx, plan, values)
  if (stored === undefined && mode !== 'update') {
    const naming = given === undefined ? {} : { given, honourGiven: true }
    return insert(ctx, meta.name, submit && meta.isSubmittable ? { ...values, docstatus: 1 } : values, { wire, naming })
  }
  const document = await openForWrite(ctx, meta.name, stored ?? given ?? '')
  // An empty cell of a column that is there empties the field; a table without a filled cell is left alone.
  const blanks = plan.imported.filter(({ target }) => !target.table && target.key !== 'name' && target.key !== matchBy)
  const changes: Record<string, unknown> = Object.fromEntries(blanks.map(({ target }) => [target.field.fieldname, null]))
  for (const [fieldname, value] of Object.entries(values)) if (fieldname !== 'name') changes[fieldname] = value
  return save(ctx, document, changes, { wire })
}

/** The name of the stored document that a row is about, where it must exist or may. */
async function storedName(ctx: Context, { meta, mode, matchBy }: ImportPlan, values: Record<string, unknown>): Promise<string | undefined> {
  const value = values[matchBy]
  if (value === undefined) return undefined
  if (matchBy === 'name' && mode === 'update') return String(value)
  const field = meta.column.get(matchBy)
  const cast = field?.type.cast(value, field, wireV1(ctx), matchBy)
  if (cast === null || cast === undefined) return undefined
  const [found] = await findRows(ctx, meta, where(matchBy, '=', cast as string), { fields: ['name'], limit: 1 })
  return found?.name
}

/** What is no fault of the row: the transaction is gone, or must be tried again as a whole. */
function concernsAll(error: unknown): boolean {
  if (!(error instanceof AppError)) return false
  return error.code.startsWith('jobs/') || ['database/unavailable', 'database/busy', 'database/deadlocked'].includes(error.code)
}

/** The refusal with its place in the file. */
function problemOf(error: unknown, { rows, places }: ImportedDocument, columns: readonly StyledColumn[]): RowProblem {
  const first = rows[0] ?? 0
  if (!(error instanceof AppError) || error.status >= 500)
    return {
      row: first,
      column: '',
      code: 'imports/failed',
      message: 'Storing this row failed for a reason that is noted in the server log.',
    }
  const [, table, index, fieldname = error.field] = /^(\w+)\[(\d+)\]\.(\w+)$/.exec(error.field) ?? []
  const key = table ? `${table}.${fieldname}` : fieldname
  const column = columns.find(({ target }) => target.key === key)?.header ?? ''
  return { row: places.get(`${table}[${index}]`) ?? first, column, code: error.code, message: error.message }
}
