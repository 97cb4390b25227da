import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Controller, hookNames } from '#kernel/documents/document.ts'
import type { DocTypeDefinition } from '#kernel/meta/definition.ts'
import { readDefinition } from '#kernel/meta/read-definition.ts'
import type { DocumentMethod, Method } from '#kernel/methods/method.ts'
import { documentsOfReports } from '#kernel/reports/documents.ts'
import { rhythmComplaint } from '#kernel/schedule/rhythm.ts'
import type { WebhookProvider } from '#kernel/webhooks/provider.ts'
import type { AppDefinition, JobDefinition, LoadedApp } from './app.ts'
import { partsOf } from './apps.ts'
import { AppInvalid, AppMissing } from './errors.ts'

/** What `doctypes/<name>/<name>.ts` may export. */
interface ControllerModule {
  default?: Controller
  methods?: readonly Method[]
  documentMethods?: readonly DocumentMethod[]
}

/**
 * Reads every app found in the given folders (each holds one folder per app) and puts them in load order: whoever is
 * required comes first, `core` before all.
 * @throws AppInvalid, AppMissing with what is wrong, so that a process never starts on half an installation
 */
export async function loadApps(folders: readonly string[]): Promise<LoadedApp[]> {
  const loaded = new Map<string, LoadedApp>()
  for (const folder of folders) {
    if (!existsSync(folder)) continue
    for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (!entry.isDirectory() || !existsSync(join(folder, entry.name, 'app.ts'))) continue
      const app = await loadApp(join(folder, entry.name))
      if (loaded.has(app.name)) throw new AppInvalid({ app: app.name, reason: 'another app has the same name.' })
      loaded.set(app.name, app)
    }
  }
  const apps = inLoadOrder(loaded)
  for (const app of apps) checkApp(app, apps)
  return apps
}

/** Reads one app from its folder. @throws AppInvalid */
export async function loadApp(folder: string): Promise<LoadedApp> {
  const module = await read<{ default?: AppDefinition }>(folder, join(folder, 'app.ts'))
  const definition = module.default
  if (!definition?.name) throw new AppInvalid({ app: folder, reason: 'app.ts has no default export made with defineApp.' })
  if (!/^[a-z][a-z0-9-]*$/.test(definition.name))
    throw new AppInvalid({ app: definition.name, reason: 'its name must be lower case letters, digits and hyphens.' })
  const doctypes: DocTypeDefinition[] = []
  const controllers = new Map<string, Controller>()
  const gathered = gather(definition)
  const methods: Method[] = [...gathered.methods]
  const documentMethods: DocumentMethod[] = [...gathered.documentMethods]
  for (const json of await definitionFiles(folder)) {
    const doctype = readDefinition(await readJson(definition.name, json), json)
    doctypes.push(doctype)
    const code = join(dirname(json), `${basename(json, '.json').replaceAll('_', '-')}.ts`)
    if (!existsSync(code)) continue
    const controller = await read<ControllerModule>(definition.name, code)
    if (controller.default) controllers.set(doctype.name, controller.default)
    methods.push(...(controller.methods ?? []))
    documentMethods.push(...(controller.documentMethods ?? []))
  }
  return { ...definition, ...gathered, folder, doctypes, controllers, methods, documentMethods }
}

/** The lists of an app and of its parts as one. @throws AppInvalid when two of them name one job */
function gather(definition: AppDefinition) {
  const parts = [definition, ...(definition.parts ?? [])]
  const jobs: Record<string, JobDefinition> = {}
  for (const [name, job] of parts.flatMap((part) => Object.entries(part.jobs ?? {}))) {
    if (Object.hasOwn(jobs, name)) throw new AppInvalid({ app: definition.name, reason: `the job "${name}" is declared twice.` })
    jobs[name] = job
  }
  const reports = parts.flatMap((part) => part.reports ?? [])
  const chartSources = parts.flatMap((part) => part.chartSources ?? [])
  return {
    jobs,
    roles: parts.flatMap((part) => part.roles ?? []),
    methods: parts.flatMap((part) => part.methods ?? []),
    documentMethods: parts.flatMap((part) => part.documentMethods ?? []),
    schedules: parts.flatMap((part) => part.schedules ?? []),
    services: parts.flatMap((part) => part.services ?? []),
    webhooks: parts.flatMap((part) => part.webhooks ?? []),
    reports,
    chartSources,
    fixtures: [...parts.flatMap((part) => part.fixtures ?? []), ...documentsOfReports(reports, chartSources)],
    patches: parts.flatMap((part) => part.patches ?? []),
  }
}

/** The definitions of an app: `doctypes/<name>/<name>.json`, in its folder and in those of its areas. */
async function definitionFiles(folder: string): Promise<string[]> {
  const areas = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  const files: string[] = []
  for (const root of [join(folder, 'doctypes'), ...areas.sort().map((area) => join(folder, area, 'doctypes'))]) {
    for (const name of existsSync(root) ? (await readdir(root)).sort() : []) {
      const json = join(root, name, `${name}.json`)
      if (existsSync(json)) files.push(json)
    }
  }
  return files
}

/** Imports a module of an app. @throws AppInvalid that names the file */
async function read<T>(app: string, file: string): Promise<T> {
  try {
    return (await import(pathToFileURL(file).href)) as T
  } catch (cause) {
    throw new AppInvalid({ app, reason: `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}` }, { cause })
  }
}

async function readJson(app: string, file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new AppInvalid({ app, reason: `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}` }, { cause })
  }
}

function inLoadOrder(apps: ReadonlyMap<string, LoadedApp>): LoadedApp[] {
  const order: LoadedApp[] = []
  const state = new Map<string, 'visiting' | 'done'>()
  const visit = (name: string, neededBy: string, path: readonly string[]): void => {
    const app = apps.get(name)
    if (!app) throw new AppMissing({ app: name, neededBy })
    if (state.get(name) === 'done') return
    if (state.get(name) === 'visiting') throw new AppInvalid({ app: name, reason: `it requires itself: ${[...path, name].join(' → ')}.` })
    state.set(name, 'visiting')
    for (const required of requirementsOf(app)) visit(required, name, [...path, name])
    state.set(name, 'done')
    order.push(app)
  }
  if (apps.has('core')) visit('core', '', [])
  for (const name of apps.keys()) visit(name, '', [])
  return order
}

/** Refuses what would otherwise fail in silence: a listener nobody calls, a job nobody has, an extension of what may not be installed. */
function checkApp(app: LoadedApp, apps: readonly LoadedApp[]): void {
  const refuse = (reason: string): never => {
    throw new AppInvalid({ app: app.name, reason })
  }
  const known = new Set<string>(hookNames)
  for (const [doctype, events] of partsOf(app).flatMap((part) => Object.entries(part.events ?? {})))
    for (const event of Object.keys(events)) if (!known.has(event)) refuse(`it listens to "${event}" of ${doctype}, which is no event.`)
  const within = reachable(app, new Map(apps.map((one) => [one.name, one])))
  for (const doctype of Object.keys(app.extends ?? {})) {
    const owner = apps.find((one) => one.doctypes.some((definition) => definition.name === doctype))
    if (!owner) refuse(`it extends DocType ${doctype}, which no app brings.`)
    else if (!within.has(owner.name)) refuse(`it extends DocType ${doctype} of ${owner.name} without requiring that app.`)
  }
  const jobs = new Set(Object.keys(app.jobs ?? {}))
  const schedules = new Set<string>()
  for (const { job, every } of app.schedules ?? []) {
    if (!jobs.has(job)) refuse(`its schedule "${every}" names the job "${job}", which it does not have.`)
    const complaint = rhythmComplaint(every)
    if (complaint) refuse(`its schedule of the job "${job}" cannot be read: ${complaint}`)
    if (schedules.has(`${job} ${every}`)) refuse(`it schedules the job "${job}" twice as "${every}".`)
    schedules.add(`${job} ${every}`)
  }
  for (const { name, job, method } of app.webhooks ?? []) {
    if (!jobs.has(job)) refuse(`its webhook "${name}" names the job "${job}", which it does not have.`)
    // Whoever calls from outside is nobody here: what the job may do, it must say itself.
    if (!app.jobs?.[job]?.asSystem)
      refuse(`its webhook "${name}" has the job "${job}", which does not say why it runs elevated (asSystem).`)
    const same = (other: WebhookProvider) => other.name === name || (method !== undefined && other.method === method)
    const named = apps.flatMap((one) => one.webhooks ?? []).filter(same)
    if (named.length > 1) refuse(`the webhook "${name}" is declared twice.`)
  }
  const patches = (app.patches ?? []).map((patch) => patch.id)
  const repeated = patches.find((id, index) => id === '' || patches.indexOf(id) !== index)
  if (repeated !== undefined) refuse(`the patch id "${repeated}" is empty or used twice.`)
}

/** The app itself and what it requires, directly or not. */
function reachable(app: LoadedApp, apps: ReadonlyMap<string, LoadedApp>, found = new Set<string>()): Set<string> {
  if (found.has(app.name)) return found
  found.add(app.name)
  for (const name of requirementsOf(app)) {
    const required = apps.get(name)
    if (required) reachable(required, apps, found)
  }
  return found
}

/** The apps that must be there before this one. */
export function requirementsOf(app: AppDefinition): string[] {
  const named = app.requires ?? []
  return app.name === 'core' ? [] : ['core', ...named.filter((name) => name !== 'core')]
}
