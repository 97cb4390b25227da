import type { Controller, DocumentListener, HookName } from '#kernel/documents/document.ts'
import { hookNames } from '#kernel/documents/document.ts'
import type { DocTypeDefinition } from '#kernel/meta/definition.ts'
import type { DocumentMethod, Method } from '#kernel/methods/method.ts'
import type { ReadListener } from '#kernel/permissions/reads.ts'
import type { AppPart, LoadedApp, PermissionHooks } from './app.ts'
import { AppInvalid } from './errors.ts'

/** A set of apps in load order, indexed by what the kernel asks of them. Immutable. */
export class Apps {
  readonly all: readonly LoadedApp[]
  /** DocTypes that confine the rows that link to them. */
  readonly scopes: ReadonlySet<string>
  /** Whether any app listens to reads. */
  readonly watchesReads: boolean
  readonly #doctypes = new Map<string, { app: LoadedApp; definition: DocTypeDefinition }>()
  readonly #methods = new Map<string, Method>()
  readonly #documentMethods = new Map<string, DocumentMethod>()
  readonly #prototypes = new Map<string, object>()
  readonly #listeners = new Map<string, readonly DocumentListener[]>()
  readonly #permissionHooks = new Map<string, readonly PermissionHooks[]>()
  readonly #readListeners = new Map<string, readonly ReadListener[]>()

  constructor(all: readonly LoadedApp[]) {
    this.all = all
    this.scopes = new Set(all.flatMap((app) => app.scopes ?? []))
    for (const app of all) this.#index(app)
    for (const [doctype, listener] of all.flatMap(partsOf).flatMap((part) => Object.entries(part.onRead ?? {})))
      this.#readListeners.set(doctype, [...this.readListeners(doctype), listener])
    this.watchesReads = this.#readListeners.size > 0
  }

  #index(app: LoadedApp): void {
    for (const definition of app.doctypes) {
      const other = this.#doctypes.get(definition.name)
      if (other) throw new AppInvalid({ app: app.name, reason: `DocType ${definition.name} already belongs to ${other.app.name}.` })
      this.#doctypes.set(definition.name, { app, definition })
    }
    for (const method of app.methods ?? []) {
      if (!method.rule) throw new AppInvalid({ app: app.name, reason: `method ${method.path} declares no rule.` })
      if (this.#methods.has(method.path)) throw new AppInvalid({ app: app.name, reason: `method ${method.path} is declared twice.` })
      this.#methods.set(method.path, method)
    }
    for (const method of app.documentMethods ?? []) {
      if (!method.needs) throw new AppInvalid({ app: app.name, reason: `document method ${method.verb} declares no right.` })
      const key = `${method.doctype}/${method.verb}`
      if (this.#documentMethods.has(key)) throw new AppInvalid({ app: app.name, reason: `document method ${key} is declared twice.` })
      this.#documentMethods.set(key, method)
    }
  }

  /** The subset with these names, in load order. */
  only(names: readonly string[]): Apps {
    return new Apps(this.all.filter((app) => names.includes(app.name)))
  }

  has(name: string): boolean {
    return this.all.some((app) => app.name === name)
  }

  appOf(doctype: string): LoadedApp | undefined {
    return this.#doctypes.get(doctype)?.app
  }

  definition(doctype: string): DocTypeDefinition | undefined {
    return this.#doctypes.get(doctype)?.definition
  }

  controller(doctype: string): Controller | undefined {
    return this.appOf(doctype)?.controllers.get(doctype)
  }

  method(path: string): Method | undefined {
    return this.#methods.get(path)
  }

  methods(): Iterable<Method> {
    return this.#methods.values()
  }

  documentMethod(doctype: string, verb: string): DocumentMethod | undefined {
    return this.#documentMethods.get(`${doctype}/${verb}`)
  }

  documentMethods(doctype: string): DocumentMethod[] {
    return [...this.#documentMethods.values()].filter((method) => method.doctype === doctype)
  }

  /** What documents of this DocType inherit: the controller's methods, then those of classes that extend it. */
  prototype(doctype: string): object {
    const known = this.#prototypes.get(doctype)
    if (known) return known
    let prototype: object = this.controller(doctype)?.prototype ?? Object.prototype
    for (const extension of this.#extensions(doctype)) {
      const hooks = new Set<string>(['constructor', ...hookNames])
      const own = Object.getOwnPropertyDescriptors(extension.prototype)
      const added = Object.fromEntries(Object.entries(own).filter(([name]) => !hooks.has(name)))
      prototype = Object.create(prototype, added) as object
    }
    this.#prototypes.set(doctype, prototype)
    return prototype
  }

  /** Who hears an event of a DocType, in order: its controller, extensions, listeners on the DocType, listeners on all. */
  listeners(doctype: string, event: HookName): readonly DocumentListener[] {
    const key = `${doctype}\n${event}`
    const known = this.#listeners.get(key)
    if (known) return known
    const listeners: DocumentListener[] = []
    for (const controller of [this.controller(doctype), ...this.#extensions(doctype)]) {
      const hook = controller && (controller.prototype as Record<string, unknown>)[event]
      if (typeof hook === 'function')
        listeners.push((ctx, document, extra) => (hook as (...given: unknown[]) => Promise<void> | void).call(document, ctx, extra))
    }
    for (const target of [doctype, '*'])
      for (const part of this.all.flatMap(partsOf)) {
        const listener = part.events?.[target]?.[event]
        if (listener) listeners.push(listener)
      }
    this.#listeners.set(key, listeners)
    return listeners
  }

  #extensions(doctype: string): Controller[] {
    return this.all.flatMap((app) => {
      const extension = app.extends?.[doctype]
      return extension ? [extension] : []
    })
  }

  /** Who hears of reads of a DocType. */
  readListeners(doctype: string): readonly ReadListener[] {
    return this.#readListeners.get(doctype) ?? nobody
  }

  /** The permission hooks that concern a DocType, those for all DocTypes included. */
  permissionHooks(doctype: string): readonly PermissionHooks[] {
    const known = this.#permissionHooks.get(doctype)
    if (known) return known
    const hooks = this.all.flatMap(partsOf).flatMap((part) => {
      const own = part.permissions?.[doctype]
      const general = part.permissions?.['*']
      return [...(own ? [own] : []), ...(general ? [general] : [])]
    })
    this.#permissionHooks.set(doctype, hooks)
    return hooks
  }
}

const nobody: readonly ReadListener[] = []

/** The app itself and its parts. */
export function partsOf(app: LoadedApp): readonly AppPart[] {
  return [app, ...(app.parts ?? [])]
}
