import type { Context } from '#kernel/context/context.ts'
import { safeFetch } from '#kernel/external/safe-fetch.ts'
import { callService } from '#kernel/external/call-service.ts'
import { demandSuccess } from '#kernel/external/outcome.ts'
import { defineService } from '#kernel/external/service.ts'

/** The stand-in of testing/faults/outside.ts, at `ledger_outside` of the site's configuration. */
export const outside = defineService({
  name: 'ledger-outside',
  timeoutMs: 1500,
  degraded: 'Nothing outside is done for the moment.',
  retry: { attempts: 2 },
  breaker: { failures: 10, openMs: 500 },
})

/**
 * Has something done, or undone, outside. The number of this process goes along, so that the other side can have it killed at the very
 * moment that hurts.
 * @param verb `apply` or `undo`
 * @param key the same for each try: the other side does it once
 */
export function askOutside(ctx: Context, verb: 'apply' | 'undo', key: string, what: string, ref: string): Promise<string> {
  return callService(ctx, outside, verb, async (signal) => {
    const answer = await safeFetch(ctx.site, `${String(ctx.site.config.ledger_outside)}/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ key, what, ref, pid: process.pid }),
      signal,
    })
    demandSuccess(answer, { service: outside.name, operation: verb }, ctx.clock.now())
    return Buffer.from(answer.body).toString('utf8')
  })
}
