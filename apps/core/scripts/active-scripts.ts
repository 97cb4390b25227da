import { where } from '#client/rules/predicate.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { Site } from '#kernel/sites/site.ts'

/** A Server Script as it runs. */
export interface ServerScript {
  readonly name: string
  readonly source: string
  /** Without permission checks. */
  readonly isElevated: boolean
  readonly document: AnyDocument
}

/** The enabled scripts of a site, by what sets them off; lists in the order of the scripts' names. */
export interface ActiveScripts {
  /** By DocType and event in Frappe's words, joined by a line feed. */
  readonly events: ReadonlyMap<string, readonly ServerScript[]>
  /** By DocType. */
  readonly queries: ReadonlyMap<string, readonly ServerScript[]>
  /** By path. */
  readonly methods: ReadonlyMap<string, ServerScript>
  readonly scheduled: readonly ServerScript[]
}

const doctype = 'Server Script'
const key = 'scripts:server'
const noScripts: ActiveScripts = { events: new Map(), queries: new Map(), methods: new Map(), scheduled: [] }

/** Whether the site's configuration lets server scripts be written and run; it does not by itself. */
export function scriptsAllowed(site: Site): boolean {
  return site.config.server_script_enabled === true
}

/** The scripts in force, from memory until a setting changes. A script counts once it is committed. */
export function activeScripts(site: Site): ActiveScripts | Promise<ActiveScripts> {
  if (!scriptsAllowed(site)) return noScripts
  return (site.cache.config.get(key) as ActiveScripts | undefined) ?? readScripts(site)
}

async function readScripts(site: Site): Promise<ActiveScripts> {
  const epoch = site.epoch.config
  if (!(await site.meta.exists(doctype))) return noScripts
  const meta = await site.meta.get(doctype)
  // While a site is made or migrated, the table may be yet to come.
  if ((await site.database.describe([meta.table])).length === 0) return noScripts
  const scripts = await site.asSystem('read the server scripts', async (ctx) => {
    const found: ServerScript[] = []
    for (const { name } of await findRows(ctx, meta, where('disabled', '=', 0), { fields: ['name'] })) {
      const document = await load(ctx, meta, name)
      found.push({ name, source: String(document.script ?? ''), isElevated: document.run_as_system === 1, document })
    }
    return found
  })
  const of = (type: string) => scripts.filter((script) => script.document.script_type === type)
  const active: ActiveScripts = {
    events: Map.groupBy(of('DocType Event'), ({ document }) => `${document.reference_doctype}\n${document.doctype_event}`),
    queries: Map.groupBy(of('Permission Query'), ({ document }) => String(document.reference_doctype)),
    methods: new Map(of('API').map((script) => [String(script.document.api_method), script])),
    scheduled: of('Scheduler Event'),
  }
  // Never keep what may be older than a change that this process has learnt of meanwhile.
  if (site.epoch.config === epoch) site.cache.config.set(key, active)
  return active
}
