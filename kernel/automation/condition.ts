import { AppError } from '#client/rules/errors.ts'
import { evaluate, parseExpression } from '#client/rules/expression.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'

/**
 * Whether a rule's condition holds for a document. The expression sees `doc`, the document's fields by their own names, `user`, and
 * `previous`, the state before the save; an empty condition holds.
 * @throws ExpressionSyntax, ExpressionNotAllowed, ExpressionStepBudget
 */
export function conditionHolds(ctx: Context, source: unknown, document: AnyDocument, previous?: AnyDocument): boolean {
  const text = expressionIn(source)
  return text === '' || Boolean(expressionValue(ctx, text, document, previous))
}

/** What an expression about a document gives; the same names as in conditions. */
export function expressionValue(ctx: Context, source: string, document: AnyDocument, previous?: AnyDocument): unknown {
  const local = utcToZone(nowText(ctx), ctx.site.timeZone)
  const scope = { ...document, doc: document, previous: previous ?? {}, user: ctx.user.name }
  return evaluate(parseExpression(source), scope, { today: local.slice(0, 10), now: local.slice(0, 19) })
}

/** What is wrong with a condition, in words; undefined when it can be read. */
export function conditionComplaint(source: unknown): string | undefined {
  try {
    const text = expressionIn(source)
    if (text !== '') parseExpression(text)
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}

/** People write `eval:` here as they do in forms. */
function expressionIn(source: unknown): string {
  const text = String(source ?? '').trim()
  return text.startsWith('eval:') ? text.slice('eval:'.length).trim() : text
}
