import type { ScriptKit } from './bridge.ts'

/**
 * The form API under Frappe's names, for Client Scripts. Runs inside the sandbox, as text: it uses its parameter and the language alone.
 */
export function formLibrary(kit: ScriptKit): void {
  type Values = Record<string, unknown>
  type Handler = (frm: unknown, doctype?: string, name?: string) => unknown
  interface State {
    doctype: string
    doc: Values
    isNew: boolean
    isDirty: boolean
    row?: { doctype: string; name: string }
  }
  const user = kit.given('user') as string
  const roles = kit.given('roles') as string[]
  const now = kit.given('now') as string
  const handlers = new Map<string, Handler[]>()
  const buttons: (() => unknown)[] = []
  const queries: unknown[] = []
  let state: State = { doctype: '', doc: {}, isNew: false, isDirty: false }
  /** Fields as the form knows them, as text: what a script writes on `frm.doc` itself is found by comparing. */
  let known = new Map<string, string>()

  const tell = (command: Values): void => kit.tell('apply', command)
  const textOf = (value: unknown): string => JSON.stringify(value ?? null)
  const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [String(value)])
  const note = (values: Values): void => {
    for (const [key, value] of Object.entries(values)) known.set(key, textOf(value))
  }
  const rowOf = (doctype: string, name: string): Values | undefined => {
    for (const rows of Object.values(state.doc))
      if (Array.isArray(rows))
        for (const row of rows as Values[]) if (row?.name === name && (row.doctype ?? doctype) === doctype) return row
    return undefined
  }
  const take = (given: State): void => {
    const { doc, ...rest } = given
    // The object stays: scripts keep hold of `frm.doc` from one event to the next.
    for (const key of Object.keys(state.doc)) if (!(key in doc)) delete state.doc[key]
    state = { ...rest, doc: Object.assign(state.doc, doc) }
    known = new Map(Object.entries(doc).map(([key, value]) => [key, textOf(value)]))
  }
  /** Passes on what scripts wrote on the document past `set_value`. */
  const passOn = async (): Promise<void> => {
    const changed = Object.entries(state.doc).filter(([key, value]) => known.get(key) !== textOf(value))
    for (const [key, value] of changed) {
      note({ [key]: value })
      if (Array.isArray(value)) await kit.call('setRows', key, value)
      else await kit.call('setValues', { [key]: value }, null)
    }
  }
  const property = (fields: unknown, name: string, value: unknown, table: unknown = null): void => {
    for (const fieldname of listOf(fields)) tell({ op: 'set_df_property', fieldname, property: name, value: value ?? null, table })
  }
  const call = (method: string, values: Values = {}): Promise<unknown> => kit.call('call', method, values)
  const runAll = async (doctype: string, event: string, row?: { doctype: string; name: string }): Promise<void> => {
    for (const handler of handlers.get(`${doctype}\n${event}`) ?? [])
      await handler(frm, row?.doctype ?? doctype, row?.name ?? String(state.doc.name))
  }

  const frm = {
    get doc() {
      return state.doc
    },
    get doctype() {
      return state.doctype
    },
    get docname() {
      return state.doc.name
    },
    is_new: () => state.isNew,
    is_dirty: () => state.isDirty,
    set_value: async (field: string | Values, value?: unknown) => {
      const values = typeof field === 'string' ? { [field]: value ?? null } : field
      Object.assign(state.doc, values)
      note(values)
      await kit.call('setValues', values, null)
    },
    set_df_property: (field: string, name: string, value: unknown, _doc?: unknown, table?: string) => property(field, name, value, table),
    toggle_display: (fields: unknown, isShown: unknown) => property(fields, 'hidden', isShown ? 0 : 1),
    toggle_enable: (fields: unknown, isEnabled: unknown) => property(fields, 'read_only', isEnabled ? 0 : 1),
    toggle_reqd: (fields: unknown, isNeeded: unknown) => property(fields, 'reqd', isNeeded ? 1 : 0),
    set_query: (field: string, second: unknown, third?: unknown) => {
      const id = queries.push(third ?? second) - 1
      tell({ op: 'set_query', fieldname: field, table: third === undefined ? null : String(second), id })
    },
    add_custom_button: (label: string, press: () => unknown, group?: string) => {
      const id = buttons.push(press) - 1
      tell({ op: 'add_custom_button', id, label: String(label), group: group ?? null })
    },
    remove_custom_button: (label: string, group?: string) =>
      tell({ op: 'remove_custom_button', label: String(label), group: group ?? null }),
    clear_custom_buttons: () => tell({ op: 'clear_custom_buttons' }),
    set_intro: (message: unknown, color?: string) => tell({ op: 'set_intro', message: String(message ?? ''), color: color ?? null }),
    refresh_field: (field: string) => tell({ op: 'refresh_field', fieldname: String(field) }),
    refresh_fields: () => tell({ op: 'refresh_field', fieldname: null }),
    refresh: () => runAll(state.doctype, 'refresh'),
    trigger: (event: string) => runAll(state.doctype, event),
    disable_save: () => tell({ op: 'allow_save', isAllowed: false }),
    enable_save: () => tell({ op: 'allow_save', isAllowed: true }),
    save: async (action = 'Save') => {
      await passOn()
      await kit.call('save', action)
    },
    reload_doc: () => kit.call('reload'),
    add_child: (table: string, values: Values = {}) => {
      const rows = (Array.isArray(state.doc[table]) ? state.doc[table] : []) as Values[]
      const row = { ...values }
      rows.push(row)
      state.doc[table] = rows
      return row
    },
    clear_table: (table: string) => {
      state.doc[table] = []
    },
    call: async (method: string | { method: string; args?: Values }, values: Values = {}) => {
      const [verb, args] = typeof method === 'string' ? [method, values] : [method.method, method.args ?? {}]
      const message = await call('run_doc_method', { dt: state.doctype, dn: state.doc.name, method: verb, args })
      return { message }
    },
  }

  const getValue = async (doctype: string, filters: unknown, fieldname: unknown) => ({
    message: await call('frappe.client.get_value', { doctype, filters, fieldname }),
  })
  const day = (date: unknown, days: number): string =>
    new Date(Date.parse(`${String(date).slice(0, 10)}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)

  kit.define('frappe', {
    ui: {
      form: {
        on: (doctype: string, event: string | Record<string, Handler>, handler?: Handler) => {
          const given: Record<string, Handler> = typeof event === 'string' ? { [event]: handler as Handler } : event
          for (const [name, one] of Object.entries(given)) {
            const key = `${doctype}\n${name}`
            handlers.set(key, [...(handlers.get(key) ?? []), one])
          }
        },
      },
    },
    session: { user },
    user: { has_role: (role: string) => roles.includes(role), name: user },
    user_roles: [...roles],
    call: async (method: string | { method: string; args?: Values; callback?: (answer: unknown) => unknown }, values: Values = {}) => {
      const [path, args, callback] =
        typeof method === 'string' ? [method, values, undefined] : [method.method, method.args ?? {}, method.callback]
      const answer = { message: await call(path, args) }
      await callback?.(answer)
      return answer
    },
    xcall: (method: string, values?: Values) => call(method, values),
    db: {
      get_value: getValue,
      get_list: (doctype: string, options: Values = {}) =>
        call('frappe.client.get_list', { doctype, ...options, limit_page_length: options.limit ?? 20 }),
      get_doc: (doctype: string, name: string) => call('frappe.client.get', { doctype, name }),
      get_single_value: (doctype: string, field: string) => call('frappe.client.get_single_value', { doctype, field }),
      count: (doctype: string, { filters = {} }: { filters?: unknown } = {}) => call('frappe.client.get_count', { doctype, filters }),
      exists: async (doctype: string, name: string) => {
        const found = (await call('frappe.client.get_value', { doctype, filters: { name }, fieldname: 'name' })) as Values | null
        return found?.name !== undefined
      },
      set_value: (doctype: string, name: string, fieldname: unknown, value?: unknown) =>
        call('frappe.client.set_value', { doctype, name, fieldname, value }),
    },
    model: {
      set_value: async (doctype: string, name: string, field: string | Values, value?: unknown) => {
        const values = typeof field === 'string' ? { [field]: value ?? null } : field
        if (doctype === state.doctype) {
          await frm.set_value(values)
          return
        }
        const row = rowOf(doctype, name)
        if (!row) throw new TypeError(`there is no row ${name} of ${doctype}`)
        Object.assign(row, values)
        for (const [key, rows] of Object.entries(state.doc)) if (Array.isArray(rows) && rows.includes(row)) note({ [key]: rows })
        await kit.call('setValues', values, { doctype, name })
      },
    },
    get_doc: (doctype: string, name: string) => (doctype === state.doctype ? state.doc : rowOf(doctype, name)),
    msgprint: (message: unknown, title?: unknown) => {
      const options = (typeof message === 'object' && message !== null ? message : { message, title }) as Values
      tell({ op: 'msgprint', message: String(options.message ?? ''), title: options.title ?? null, indicator: options.indicator ?? null })
    },
    show_alert: (message: unknown) => {
      const options = (typeof message === 'object' && message !== null ? message : { message }) as Values
      tell({ op: 'show_alert', message: String(options.message ?? ''), indicator: options.indicator ?? null })
    },
    throw: (message: unknown): never => {
      throw kit.refusal(String(typeof message === 'object' && message !== null ? (message as Values).message : message))
    },
    confirm: async (message: string, yes?: () => unknown, no?: () => unknown) => {
      const isSure = (await kit.call('confirm', message)) === true
      await (isSure ? yes : no)?.()
      return isSure
    },
    set_route: (...route: unknown[]) => tell({ op: 'set_route', route: route.flat().map(String) }),
    datetime: {
      nowdate: () => now.slice(0, 10),
      get_today: () => now.slice(0, 10),
      now_datetime: () => now,
      add_days: day,
      get_diff: (to: string, from: string) =>
        Math.round((Date.parse(`${to.slice(0, 10)}T00:00:00Z`) - Date.parse(`${from.slice(0, 10)}T00:00:00Z`)) / 86_400_000),
    },
  })
  kit.define('__', (text: string, values: unknown[] = []) =>
    String(text).replaceAll(/\{(\d+)\}/g, (mark, index) => String(values[Number(index)] ?? mark)),
  )
  kit.define('cur_frm', frm)
  kit.define('locals', {})
  kit.define('console', {
    log: (...values: unknown[]) =>
      tell({ op: 'log', message: values.map((value) => (typeof value === 'string' ? value : textOf(value))).join(' ') }),
  })
  kit.define('flt', (value: unknown) => Number(String(value ?? '').replaceAll(',', '')) || 0)
  kit.define('cint', (value: unknown) => Math.trunc(Number(value) || 0))

  kit.entry('trigger', async (event: string, given: State) => {
    take(given)
    await runAll(given.row?.doctype ?? given.doctype, event, given.row)
    await passOn()
  })
  kit.entry('press', async (id: number, given: State) => {
    take(given)
    await buttons[id]?.()
    await passOn()
  })
  kit.entry('query', async (id: number, given: State) => {
    take(given)
    const query = queries[id]
    const made =
      typeof query === 'function'
        ? await (query as (...values: unknown[]) => unknown)(state.doc, given.row?.doctype, given.row?.name)
        : query
    return made ?? {}
  })
}
