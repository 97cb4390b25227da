import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { demandRate } from '#kernel/limits/rate-limit.ts'
import { defineMethod, guests, type Method, signedIn } from '#kernel/methods/method.ts'
import type { Site } from '#kernel/sites/site.ts'
import { activeScripts, type ServerScript } from './active-scripts.ts'
import { runServerScript } from './run-server-script.ts'

/** Keys of an answer that are the platform's own. */
const reserved = new Set([
  'message',
  'data',
  'docs',
  'docinfo',
  'exc',
  'exc_type',
  'exception',
  'errors',
  '_server_messages',
  '_error_message',
])

/** The method that a script of type API answers; undefined: none has that path. */
export async function scriptMethod(site: Site, path: string): Promise<Method | undefined> {
  const script = (await activeScripts(site)).methods.get(path)
  return script && methodOf(script, path)
}

function methodOf(script: ServerScript, path: string): Method {
  return defineMethod({
    path,
    summary: `The server script "${script.name}".`,
    verbs: ['GET', 'POST', 'PUT', 'DELETE'],
    input: Type.Object({}),
    keepsUnknown: true,
    rule: script.document.allow_guest === 1 ? guests : signedIn,
    handler: async (ctx, given) => {
      await takeTurn(ctx, script)
      const { cmd: _, sid: __, csrf_token: ___, ...formDict } = given as Record<string, unknown>
      const { value, response } = await runServerScript(ctx, script, { formDict })
      for (const [key, one] of Object.entries(response)) if (!reserved.has(key)) ctx.answer[key] = one
      return value ?? response.message ?? undefined
    },
  })
}

async function takeTurn(ctx: Context, { name, document }: ServerScript): Promise<void> {
  if (document.enable_rate_limit !== 1) return
  const who = ctx.user.name === 'Guest' ? `ip:${ctx.request.ip}` : `user:${ctx.user.name}`
  const limit = Math.max(1, Number(document.rate_limit_count ?? 1))
  const windowMs = Math.max(1, Number(document.rate_limit_seconds ?? 1)) * 1000
  await demandRate(ctx.site, `script:${JSON.stringify([name, who])}`, { limit, windowMs })
}
