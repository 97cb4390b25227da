import type { ScriptKit } from '#client/rules/sandbox/bridge.ts'

/**
 * What server scripts find under Frappe's names. Runs inside the sandbox, as text: it uses its parameter and the language alone.
 * What asks the server gives a promise; what only computes gives its value.
 */
export function frappeLibrary(kit: ScriptKit): void {
  type Values = Record<string, unknown>
  interface Given {
    user: string
    full_name: string
    roles: string[]
    now: string
    form_dict: Values
    doc?: Values
    before?: Values | null
    rename?: Values
  }
  const given = kit.given('globals') as { given: Given }
  const { user, full_name: fullName, roles, now, form_dict: formDict, doc, before, rename } = given.given
  Reflect.deleteProperty(globalThis, 'given')

  const day = (value: unknown): Date => {
    const date = new Date(`${String(value ?? '').slice(0, 10)}T00:00:00Z`)
    if (Number.isNaN(date.getTime())) throw new RangeError(`${String(value)} is no date such as 2026-11-20`)
    return date
  }
  const dayText = (date: Date): string => date.toISOString().slice(0, 10)
  const shiftDays = (value: unknown, days: unknown): string => dayText(new Date(day(value).getTime() + Number(days) * 86_400_000))
  const shiftMonths = (value: unknown, months: unknown): string => {
    const from = day(value)
    const first = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + Number(months), 1))
    const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate()
    first.setUTCDate(Math.min(from.getUTCDate(), last))
    return dayText(first)
  }
  const numberOf = (value: unknown, places?: number): number => {
    const number = Number(String(value ?? '').replaceAll(',', '')) || 0
    return places === undefined ? number : Math.round((number + Number.EPSILON) * 10 ** places) / 10 ** places
  }

  /** A function that asks the server; a script that forgets to await it is told so by its name. */
  const asks =
    <A extends unknown[]>(name: string, work: (...values: A) => Promise<unknown>) =>
    (...values: A): Promise<unknown> =>
      kit.promised(name, work(...values))

  /** Gives a document its verbs. They stay out of sight of JSON and of loops over its fields. */
  const withVerbs = (fields: Values): Values => {
    const verb = (name: string, handler: (...values: never[]) => unknown): void =>
      void Object.defineProperty(fields, name, { value: handler, enumerable: false, configurable: true, writable: true })
    const asking = (name: string, path: string, values: (...given: never[]) => Values): void =>
      verb(
        name,
        asks(`doc.${name}`, async (...given: never[]) => Object.assign(fields, (await kit.call(path, values(...given))) as Values)),
      )
    const own = (): Values => ({ doctype: fields.doctype, name: fields.name })
    verb('get', (key: string) => fields[key])
    verb('set', (key: string, value: unknown) => {
      fields[key] = value
    })
    verb('update', (values: Values) => Object.assign(fields, values))
    verb('append', (table: string, row: Values = {}) => {
      const rows = (Array.isArray(fields[table]) ? fields[table] : []) as Values[]
      rows.push(row)
      fields[table] = rows
      return row
    })
    verb('is_new', () => fields.name === undefined || fields.name === null || fields.__islocal === 1)
    verb('as_dict', () => ({ ...fields }))
    asking('insert', 'frappe.client.insert', () => ({ doc: fields }))
    asking('save', 'frappe.client.save', () => ({ doc: fields }))
    asking('submit', 'frappe.client.submit', () => ({ doc: fields }))
    asking('cancel', 'frappe.client.cancel', own)
    asking('reload', 'frappe.client.get', own)
    asking('db_set', 'frappe.client.set_value', (fieldname: unknown, value: unknown) => ({ ...own(), fieldname, value }))
    verb(
      'delete',
      asks('doc.delete', () => kit.call('frappe.client.delete', own())),
    )
    verb(
      'add_comment',
      asks('doc.add_comment', (type: string, content?: string) =>
        kit.call('frappe.desk.form.utils.add_comment', {
          reference_doctype: fields.doctype,
          reference_name: fields.name,
          content: content ?? type,
        }),
      ),
    )
    return fields
  }
  const newDoc = (doctype: unknown, values: Values = {}): Values =>
    withVerbs(typeof doctype === 'object' && doctype !== null ? { ...doctype } : { doctype, ...values })
  const getDoc = asks('frappe.get_doc', async (doctype: unknown, name?: unknown) =>
    typeof doctype === 'object' ? newDoc(doctype) : withVerbs((await kit.call('frappe.client.get', { doctype, name })) as Values),
  )
  const listed = async (doctype: string, options: Values, limit: number): Promise<unknown[]> => {
    const { pluck, filters, fields, order_by, or_filters, group_by, start, limit: most, limit_page_length: page } = options
    const wanted = typeof pluck === 'string' ? [pluck] : fields
    const asked = {
      doctype,
      filters,
      or_filters,
      fields: wanted,
      order_by,
      group_by,
      limit_start: start,
      limit_page_length: page ?? most ?? limit,
    }
    const rows = (await kit.call('frappe.client.get_list', asked)) as Values[]
    return typeof pluck === 'string' ? rows.map((row) => row[pluck]) : rows
  }
  const getList = asks('frappe.get_list', (doctype: string, options: Values = {}) => listed(doctype, options, 20))
  const getAll = asks('frappe.get_all', (doctype: string, options: Values = {}) => listed(doctype, options, 0))
  const getValue = asks('frappe.db.get_value', async (doctype: string, filters: unknown, fieldname: unknown = 'name') => {
    const found = ((await kit.call('frappe.client.get_value', { doctype, filters, fieldname })) ?? {}) as Values
    return typeof fieldname === 'string' ? (found[fieldname] ?? null) : found
  })
  const messageOf = (text: unknown): string => (typeof text === 'string' ? text : String(JSON.stringify(text)))

  const db = {
    get_value: getValue,
    get_list: getList,
    get_all: getAll,
    set_value: asks('frappe.db.set_value', (doctype: string, name: unknown, fieldname: unknown, value?: unknown) =>
      kit.call('frappe.client.set_value', { doctype, name, fieldname, value }),
    ),
    exists: asks('frappe.db.exists', async (doctype: string, filters: unknown) => {
      const wanted = typeof filters === 'object' ? filters : { name: filters }
      return (await listed(doctype, { filters: wanted, pluck: 'name' }, 1))[0] ?? null
    }),
    count: asks('frappe.db.count', (doctype: string, filters: unknown = {}) => kit.call('frappe.client.get_count', { doctype, filters })),
    get_single_value: asks('frappe.db.get_single_value', (doctype: string, field: string) =>
      kit.call('frappe.client.get_single_value', { doctype, field }),
    ),
  }
  const utils = {
    now: () => now,
    now_datetime: () => now,
    nowdate: () => now.slice(0, 10),
    today: () => now.slice(0, 10),
    nowtime: () => now.slice(11),
    getdate: (date: unknown = now) => dayText(day(date)),
    add_days: shiftDays,
    add_months: shiftMonths,
    add_years: (date: unknown, years: unknown) => shiftMonths(date, Number(years) * 12),
    date_diff: (to: unknown, from: unknown) => Math.round((day(to).getTime() - day(from).getTime()) / 86_400_000),
    get_first_day: (date: unknown = now) => `${dayText(day(date)).slice(0, 8)}01`,
    get_last_day: (date: unknown = now) => shiftDays(shiftMonths(`${dayText(day(date)).slice(0, 8)}01`, 1), -1),
    flt: numberOf,
    cint: (number: unknown) => Math.trunc(numberOf(number)),
    cstr: (text: unknown) => (text === null || text === undefined ? '' : String(text)),
    parse_json: (text: unknown) => (typeof text === 'string' ? JSON.parse(text) : text),
    escape_html: (text: unknown) => String(text ?? '').replaceAll(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`),
  }
  const frappe = {
    session: { user },
    user,
    full_name: fullName,
    form_dict: formDict,
    response: {} as Values,
    flags: {} as Values,
    db,
    utils,
    call: (method: string, values: Values = {}) => kit.call('frappe.call', method, values),
    new_doc: newDoc,
    get_doc: getDoc,
    get_cached_doc: getDoc,
    get_last_doc: asks('frappe.get_last_doc', async (doctype: string, options: Values = {}) => {
      const [name] = await listed(doctype, { ...options, pluck: 'name', order_by: options.order_by ?? 'creation desc' }, 1)
      if (name === undefined) throw kit.refusal(`There is no ${doctype}.`)
      return getDoc(doctype, name)
    }),
    get_list: getList,
    get_all: getAll,
    get_value: getValue,
    get_roles: () => [...roles],
    delete_doc: asks('frappe.delete_doc', (doctype: string, name: string) => kit.call('frappe.client.delete', { doctype, name })),
    rename_doc: asks('frappe.rename_doc', (doctype: string, old_name: string, new_name: string, merge = false) =>
      kit.call('frappe.client.rename_doc', { doctype, old_name, new_name, merge }),
    ),
    has_permission: (doctype: string, action = 'read', name?: string) => kit.call('frappe.has_permission', doctype, action, name ?? null),
    enqueue: (job: string, values: Values = {}) => kit.call('frappe.enqueue', job, values),
    sendmail: (mail: Values) => kit.call('frappe.sendmail', mail),
    publish_realtime: (event: string, message: unknown = {}, target: Values = {}) =>
      kit.call('frappe.publish_realtime', event, message, target),
    make_get_request: asks('frappe.make_get_request', (url: string, options: Values = {}) =>
      kit.call('frappe.make_request', 'GET', url, options),
    ),
    make_post_request: asks('frappe.make_post_request', (url: string, options: Values = {}) =>
      kit.call('frappe.make_request', 'POST', url, options),
    ),
    make_put_request: asks('frappe.make_put_request', (url: string, options: Values = {}) =>
      kit.call('frappe.make_request', 'PUT', url, options),
    ),
    throw: (text: unknown, title?: unknown): never => {
      throw kit.refusal(messageOf(text), typeof title === 'string' ? title : '')
    },
    msgprint: (text: unknown, options: Values = {}) => kit.tell('msgprint', messageOf(text), options),
    log_error: (title: unknown, message: unknown = '') => kit.tell('log_error', messageOf(title), messageOf(message)),
    parse_json: utils.parse_json,
    as_json: (of: unknown) => JSON.stringify(of, null, 1),
    _: (text: string) => text,
  }
  kit.define('frappe', frappe)
  kit.define('log', (...values: unknown[]) => kit.tell('log', values.map(messageOf).join(' ')))
  kit.define('_', frappe._)
  if (doc) {
    const shown = withVerbs(doc)
    Object.defineProperty(shown, 'get_doc_before_save', { value: () => before ?? null, enumerable: false })
    kit.define('doc', shown)
  }
  if (rename) kit.define('rename', rename)
  kit.define('conditions', null)
  kit.ending((result) => ({
    value: result ?? null,
    response: frappe.response,
    conditions: (globalThis as unknown as { conditions: unknown }).conditions ?? null,
    ...(doc && { doc }),
  }))
}
