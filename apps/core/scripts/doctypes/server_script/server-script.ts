import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { rhythmComplaint } from '#kernel/schedule/rhythm.ts'
import { ScriptInvalid, ScriptsForbidden } from '#kernel/scripts/errors.ts'
import { checkScript } from '#kernel/scripts/sandbox.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { and, where } from '#client/rules/predicate.ts'
import { scriptsAllowed } from '../../active-scripts.ts'
import { rhythmOf } from '../../scheduled-scripts.ts'

interface ServerScriptFields {
  script_type: string
  script: string
  api_method: string | null
  event_frequency: string | null
  cron_format: string | null
}

/** Words with which a line of Python begins that no line of JavaScript does, and its ends. */
const python =
  /^\s*(def \w+\(.*:|from \S+ import |import \w+$|elif |except\b|(if|for|while|else|try)\b[^{]*:\s*$)|\b(None|True|False)\b|^\s*#/m

/** JavaScript of the site's own. Only with the site's leave, and only by those who manage the system. */
export default class ServerScript extends Document<ServerScriptFields> {
  async validate(ctx: Context): Promise<void> {
    if (!scriptsAllowed(ctx.site))
      throw new ScriptsForbidden({ reason: 'Server scripts are not enabled on this site: set server_script_enabled in its configuration.' })
    const wrong = await checkScript(this.script)
    if (wrong && python.test(this.script))
      throw new ScriptInvalid({ field: 'script', reason: 'reads like Python; server scripts are written in JavaScript here.' })
    if (wrong) throw new ScriptInvalid({ field: 'script', reason: `line ${wrong.line}: ${wrong.reason}` })
    if (this.script_type === 'API') await checkMethod(ctx, this)
    if (this.script_type !== 'Scheduler Event') return
    const complaint = rhythmComplaint(rhythmOf({ event_frequency: this.event_frequency, cron_format: this.cron_format }))
    if (complaint) throw new ScriptInvalid({ field: 'cron_format', reason: complaint })
  }
}

async function checkMethod(ctx: Context, { name, api_method }: ServerScript): Promise<void> {
  const path = api_method ?? ''
  if (!/^[a-z_]\w*(\.[a-z_]\w*)*$/i.test(path))
    throw new ScriptInvalid({ field: 'api_method', reason: 'must be words joined by dots, such as my_company.new_order.' })
  if (ctx.site.apps.method(path)) throw new ScriptInvalid({ field: 'api_method', reason: `"${path}" is a method of an app.` })
  const meta = await ctx.site.meta.get('Server Script')
  const same = and(where('api_method', '=', path), where('script_type', '=', 'API'), where('name', '!=', name))
  const [other] = await findRows(ctx, meta, same, { fields: ['name'] })
  if (other) throw new ScriptInvalid({ field: 'api_method', reason: `the script "${other.name}" answers "${path}" already.` })
}
