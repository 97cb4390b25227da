import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { ScriptInvalid } from '#kernel/scripts/errors.ts'
import { checkScript } from '#kernel/scripts/sandbox.ts'

interface ClientScriptFields {
  script: string | null
}

/** JavaScript beside a form or list; what cannot be read is refused here, and not in front of everybody who opens the form. */
export default class ClientScript extends Document<ClientScriptFields> {
  async validate(_ctx: Context): Promise<void> {
    const wrong = this.script ? await checkScript(this.script) : undefined
    if (wrong) throw new ScriptInvalid({ field: 'script', reason: `line ${wrong.line}: ${wrong.reason}` })
  }
}
