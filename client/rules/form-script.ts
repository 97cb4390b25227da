import type { QuickJSWASMModule } from 'quickjs-emscripten'
import { formLibrary } from './sandbox/form-library.ts'
import { type JsonValue, Sandbox, ScriptFailure } from './sandbox/sandbox.ts'

/** A document as a form holds it: fields by name, child rows under their table field. */
export type FormDocument = { readonly [fieldname: string]: JsonValue }

/** What a form tells its scripts with each event. */
export interface FormState {
  readonly doctype: string
  readonly doc: FormDocument
  readonly isNew: boolean
  readonly isDirty: boolean
  /** The child row that an event is about. */
  readonly row?: { readonly doctype: string; readonly name: string }
}

/** What scripts want of the form, in order. Names are those of the form API. */
export type FormCommand =
  | {
      readonly op: 'set_df_property'
      readonly fieldname: string
      readonly property: string
      readonly value: JsonValue
      readonly table: string | null
    }
  | { readonly op: 'add_custom_button'; readonly id: number; readonly label: string; readonly group: string | null }
  | { readonly op: 'remove_custom_button'; readonly label: string; readonly group: string | null }
  | { readonly op: 'clear_custom_buttons' }
  | { readonly op: 'set_query'; readonly fieldname: string; readonly table: string | null; readonly id: number }
  | { readonly op: 'set_intro'; readonly message: string; readonly color: string | null }
  | { readonly op: 'msgprint'; readonly message: string; readonly title: string | null; readonly indicator: string | null }
  | { readonly op: 'show_alert'; readonly message: string; readonly indicator: string | null }
  | { readonly op: 'refresh_field'; readonly fieldname: string | null }
  | { readonly op: 'set_route'; readonly route: readonly string[] }
  | { readonly op: 'allow_save'; readonly isAllowed: boolean }
  | { readonly op: 'log'; readonly message: string }
  /** A script that could not be read or failed by itself; the form goes on. */
  | { readonly op: 'failed'; readonly script: string; readonly line: number; readonly message: string }

/** The form, as scripts reach it. Whatever comes from a script is a wish: the host checks it as it checks a person's. */
export interface FormHost {
  apply(command: FormCommand): void
  /** Puts values on the document, or on the child row named, and runs what hangs on them. */
  setValues(values: FormDocument, row: { readonly doctype: string; readonly name: string } | null): Promise<void>
  /** Replaces the rows of a table. */
  setRows(table: string, rows: readonly FormDocument[]): Promise<void>
  /** Calls a method of the server as the person at the form. @returns its result */
  call(method: string, values: FormDocument): Promise<JsonValue>
  save(action: string): Promise<void>
  reload(): Promise<void>
  confirm(message: string): Promise<boolean>
}

/** Who sits at the form, and when. */
export interface FormSurroundings {
  readonly user: string
  readonly roles: readonly string[]
  /** `YYYY-MM-DD HH:MM:SS` in the site's time zone. */
  readonly now: string
  /** Milliseconds; default: the browser's steady clock. */
  readonly clock?: () => number
}

export interface FormScript {
  readonly name: string
  readonly script: string
}

const limits = { cpuMs: 500, memoryBytes: 16 * 1024 * 1024, calls: 100_000, text: 4_000_000 }

/** The Client Scripts of one open form, in a sandbox of their own. Close it with the form. */
export class FormScripts {
  readonly #sandbox: Sandbox
  readonly #host: FormHost

  constructor(quickjs: QuickJSWASMModule, host: FormHost, { user, roles, now, clock = () => performance.now() }: FormSurroundings) {
    this.#host = host
    this.#sandbox = new Sandbox(quickjs, {
      limits,
      libraries: [formLibrary],
      values: { user, roles, now },
      isStrict: false,
      now: clock,
      call: async (name, text) => JSON.stringify((await this.#answer(name, JSON.parse(text) as JsonValue[])) ?? null),
      tell: (_name, text) => host.apply((JSON.parse(text) as [FormCommand])[0]),
    })
  }

  /** Reads the scripts, in order. One that fails is told of and passed over. */
  async load(scripts: readonly FormScript[]): Promise<void> {
    for (const { name, script } of scripts) await this.#orTell(name, () => this.#sandbox.run(script))
  }

  /**
   * Runs what scripts hang on an event (`refresh`, `validate`, a field's name …), one after another.
   * @throws ScriptFailure of kind `refused` when a script says no (`frappe.throw`): a `validate` must not go on to save then
   */
  async trigger(event: string, state: FormState): Promise<void> {
    await this.#orTell(event, () => this.#sandbox.invoke('trigger', JSON.stringify([event, state])))
  }

  /** Runs what a custom button is for. */
  async press(id: number, state: FormState): Promise<void> {
    await this.#orTell('button', () => this.#sandbox.invoke('press', JSON.stringify([id, state])))
  }

  /** The filters that a script gives a link field: `{ filters, query }`. */
  async query(id: number, state: FormState): Promise<JsonValue> {
    return JSON.parse(await this.#sandbox.invoke('query', JSON.stringify([id, state]))) as JsonValue
  }

  close(): void {
    this.#sandbox.close()
  }

  async #orTell(script: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof ScriptFailure) || error.kind === 'refused') throw error
      this.#host.apply({ op: 'failed', script, line: error.line, message: error.message })
    }
  }

  #answer(name: string, [first, second]: readonly JsonValue[]): Promise<unknown> {
    const host = this.#host
    switch (name) {
      case 'setValues':
        return host.setValues(first as FormDocument, (second ?? null) as { doctype: string; name: string } | null)
      case 'setRows':
        return host.setRows(String(first), second as readonly FormDocument[])
      case 'call':
        return host.call(String(first), second as FormDocument)
      case 'save':
        return host.save(String(first))
      case 'reload':
        return host.reload()
      case 'confirm':
        return host.confirm(String(first))
      default:
        return Promise.reject(new TypeError(`a form cannot ${name}`))
    }
  }
}
