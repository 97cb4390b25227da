import type { Meta } from '#kernel/meta/meta.ts'
import type { Site } from '#kernel/sites/site.ts'

/** Fields that hold secrets though their type does not say so. */
const secretNames: readonly string[] = [
  'secret_hash',
  'reset_password_key',
  'api_secret',
  'secret_key',
  'access_token',
  'refresh_token',
  'client_secret',
]

/** The texts of mails carry links that sign somebody in. */
const secretInDocType: Readonly<Record<string, readonly string[]>> = { 'Email Queue': ['message'] }

const none: ReadonlySet<string> = new Set()
const mask = '***'

/**
 * Names of the fields of a DocType, and of its child tables, whose values stay out of audit and logs: Password fields, masked
 * fields, stored tokens. Derived once per version of the definitions.
 */
export function sensitiveFields(site: Site, doctype: string | undefined): ReadonlySet<string> {
  if (!doctype) return none
  const key = `audit:sensitive:${doctype}`
  const known = site.cache.meta.get(key)
  if (known) return known as ReadonlySet<string>
  const meta = site.meta.cached(doctype)
  if (!meta) return new Set(secretNames)
  const names = new Set<string>(secretInDocType[meta.name])
  let complete = true
  for (const part of [meta, ...meta.tables.map((table) => site.meta.cached(table.options ?? ''))]) {
    if (part) collect(part, names)
    else complete = false
  }
  if (complete) site.cache.meta.set(key, names)
  return names
}

function collect(meta: Meta, names: Set<string>): void {
  for (const field of meta.fields) {
    if (field.fieldtype === 'Password' || field.mask || secretNames.includes(field.fieldname)) names.add(field.fieldname)
  }
}

/**
 * A JSON.stringify replacer that masks the values of `names` at any depth, whether they stand under their name or in a
 * `[name, before, after]` triple; undefined when there is nothing to mask.
 */
export function withoutSecrets(names: ReadonlySet<string>): ((key: string, value: unknown) => unknown) | undefined {
  if (names.size === 0) return undefined
  return (key, value) => {
    if (names.has(key)) return masked(value)
    if (Array.isArray(value) && value.length > 1 && typeof value[0] === 'string' && names.has(value[0]))
      return [value[0], ...value.slice(1).map(masked)]
    return value
  }
}

/** Keeps the shape, so that the log still says that something was set, changed or emptied. */
function masked(value: unknown): unknown {
  if (value === null || value === undefined || value === '') return value
  return Array.isArray(value) ? value.map(masked) : mask
}
