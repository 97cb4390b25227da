import type { Context } from '#kernel/context/context.ts'
import { keyedHash } from '#kernel/identity/keyed-hash.ts'
import { guestName } from '#kernel/identity/principals.ts'
import { claimAnswer, findAnswer, keepAnswer, type StoredAnswer } from '#kernel/methods/stored-answers.ts'
import { KeyInUse, KeyMalformed, KeyReused } from './errors.ts'
import type { Answer, Call, Outcome } from './exchange.ts'

/** What a handler did, and the envelope that tells of it. */
export interface Effect {
  readonly answer: Answer
  readonly body: Record<string, unknown> | undefined
}

/**
 * Does the work once per key and user: the answer is stored in the same transaction as the effect, and a repeated request gets it again.
 * Two at once: the second waits for the first's transaction and then finds its answer. Refusals are not stored; they changed nothing.
 * @throws KeyMalformed, KeyReused when the same key comes with another request, KeyInUse
 */
export async function withIdempotency(ctx: Context, call: Call, key: string, work: () => Promise<Effect>): Promise<Outcome> {
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw new KeyMalformed({ field: 'Idempotency-Key' })
  // Every visitor is Guest: what was answered to one of them is not the next one's.
  if (ctx.user.name === guestName) return outcomeOf(await work())
  // An answer given to a key is not for a narrower one of the same user.
  const id = digest(ctx, `${ctx.user.name}\n${ctx.user.scopes?.join() ?? ''}\n${key}`)
  const requestHash = digest(ctx, JSON.stringify([call.verb, call.path, call.params]))
  const known = await findAnswer(ctx, id)
  if (known) return replay(known, requestHash)
  if (!(await claimAnswer(ctx, id, requestHash))) return replay(await findAnswer(ctx, id), requestHash)
  const outcome = outcomeOf(await work())
  await keepAnswer(ctx, id, { status: outcome.status, headers: outcome.headers, body: outcome.text })
  return outcome
}

function outcomeOf({ answer, body }: Effect): Outcome {
  const text = body && JSON.stringify(body)
  return {
    status: answer.status ?? 200,
    headers: { ...answer.headers },
    ...(text !== undefined && { text }),
    ...(answer.raw && { raw: answer.raw }),
  }
}

function replay(stored: StoredAnswer | undefined, requestHash: string): Outcome {
  if (!stored || stored.status === 0) throw new KeyInUse({ field: 'Idempotency-Key' })
  if (stored.requestHash !== requestHash) throw new KeyReused({ field: 'Idempotency-Key' })
  return {
    status: stored.status,
    headers: { ...stored.headers, 'idempotency-replayed': 'true' },
    ...(stored.body !== undefined && { text: stored.body }),
  }
}

/** Keyed, because requests hold passwords and the like, which a bare hash would let somebody with the database guess. */
function digest(ctx: Context, text: string): string {
  return keyedHash(ctx.site, 'idempotency', text)
}
