import { Type } from 'typebox'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { ValueRefused } from '../errors.ts'
import { rowNamed } from '../rows.ts'
import { type Column, placeBetween } from './ranks.ts'

const name = Type.String({ minLength: 1, maxLength: 140 })

/** A card is taken to another place, in its column or another. */
export const moveVerb = defineDocumentMethod({
  verb: 'move',
  doctype: 'Task',
  summary: 'Puts the card behind one card and before another, in its own or another column; without either, at the end.',
  needs: 'write',
  input: Type.Object({ status: Type.Optional(name), after: Type.Optional(name), before: Type.Optional(name) }),
  async handler(ctx, document, { status = String(document.status), after, before }) {
    const column: Column = { project: (document.project as string | null) ?? null, organization: String(document.organization), status }
    for (const [field, other] of Object.entries({ after, before })) {
      if (other === undefined) continue
      const card = await rowNamed(ctx, 'Task', other, ['project', 'status'])
      if (other === document.name || (card?.project ?? null) !== column.project || card?.status !== status)
        throw new ValueRefused({ field, reason: `${other} is not in this column.` })
    }
    const rank = await placeBetween(ctx, column, after, before)
    const moved = await save(ctx, await openForWrite(ctx, 'Task', document.name), { status, rank })
    Object.assign(document, moved)
    return { status: moved.status, rank: moved.rank }
  },
})
