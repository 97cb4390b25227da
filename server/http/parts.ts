import type { Context } from '#kernel/context/context.ts'
import { documentInfo, infoParts, isInfoPart } from '#kernel/methods/document-info.ts'
import { UnknownPart } from './errors.ts'
import type { Answer } from './exchange.ts'

/** Adds what surrounds a document (comments, tags, permissions …) to the answer that holds it. @throws UnknownPart */
export async function addParts(ctx: Context, answer: Answer, doctype: string, name: string, parts: readonly string[]): Promise<Answer> {
  const unknown = parts.find((part) => !isInfoPart(part))
  if (unknown !== undefined) throw new UnknownPart({ field: 'include', part: unknown.slice(0, 80), parts: infoParts })
  return { data: answer.data, extra: await documentInfo(ctx, doctype, name, parts.filter(isInfoPart)) }
}
