import { randomFillSync } from 'node:crypto'
import { utcToZone } from '#client/rules/time-zone.ts'
import { evaluateCondition } from '#client/rules/expression.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { uuidv7 } from './uuid.ts'
import { giveBack, nextInSeries } from './counters.ts'
import type { AnyDocument } from './document.ts'
import { NameInvalid, NameTaken } from './errors.ts'
import { isAutoincrement } from './rows.ts'
import { runHook } from './hooks.ts'

/** Longest name, in characters. */
const maximumLength = 140

/** Random bytes fetched in one go: each call to the generator costs more than the bytes. */
const pool = Buffer.alloc(1000)
let poolUsed = pool.length

/** Ten lower-case letters and digits: 50 bits, for rows that nobody names. */
export function hashName(): string {
  if (poolUsed === pool.length) {
    randomFillSync(pool)
    poolUsed = 0
  }
  let name = ''
  for (let end = poolUsed + 10; poolUsed < end; poolUsed++) name += 'abcdefghijklmnopqrstuvwxyz234567'[(pool[poolUsed] as number) & 31]
  return name
}

/** Where a name came from decides what else must hold; see `nameDocument`. */
export interface NamingRequest {
  /** A name the caller asks for; honoured by `prompt` and UUID naming, by imports and by the platform itself. */
  readonly given?: string
  /** Honour `given` whatever the naming rule says (API v2, imports, fixtures). */
  readonly honourGiven?: boolean
}

/**
 * Gives a new document its name, by the first rule that applies: before_naming, counting column, UUID, amendment, single, Document
 * Naming Rule, the controller's autoname, the definition's autoname, a hash.
 * @throws NameInvalid
 */
export async function nameDocument(ctx: Context, meta: Meta, document: AnyDocument, request: NamingRequest): Promise<void> {
  await runHook(ctx, meta, document, 'before_naming')
  const fields = document as Record<string, unknown>
  if (isAutoincrement(meta)) return
  const given = request.given?.trim()
  if (meta.isSingle) document.name = meta.name
  else if (meta.definition.autoname === 'UUID' || meta.definition.naming_rule === 'UUID')
    document.name = given ? checkUuid(meta, given) : uuidv7(ctx.clock.now())
  else if (given && request.honourGiven) document.name = given
  else if (typeof fields.amended_from === 'string' && fields.amended_from && meta.isSubmittable)
    document.name = await amendedName(ctx, meta, fields.amended_from)
  else {
    document.name = ''
    await applyNamingRules(ctx, meta, document)
    if (!document.name) await runHook(ctx, meta, document, 'autoname')
    if (!document.name) document.name = await nameByPattern(ctx, meta, document, given)
  }
  document.name = checkName(meta, document.name)
}

/** @throws NameInvalid when the text cannot be a document's name */
export function checkName(meta: Meta, name: unknown): string {
  const text = String(name ?? '').trim()
  const refuse = (reason: string): never => {
    throw new NameInvalid({ doctype: meta.name, name: text.slice(0, maximumLength), reason, field: 'name' })
  }
  if (text === '') refuse('a name is needed.')
  if (text.length > maximumLength) refuse(`a name has at most ${maximumLength} characters.`)
  if (/[<>]/.test(text)) refuse('a name cannot contain < or >.')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(text) || !text.isWellFormed()) refuse('a name cannot contain control characters.')
  if (/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text)) refuse('a name cannot contain marks that turn the direction of writing.')
  if (/(?:^|\/)\.{1,2}(?:\/|$)/.test(text)) refuse('a name cannot be "." or "..", or have such a part: no address could say it.')
  if (!meta.isSingle && text === meta.name && meta.name !== 'DocType') refuse('a document cannot bear the name of its type.')
  if (text.startsWith(`New ${meta.name}`)) refuse(`a name cannot begin with "New ${meta.name}".`)
  return text
}

function checkUuid(meta: Meta, given: string): string {
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(given)) return given.toLowerCase()
  throw new NameInvalid({
    doctype: meta.name,
    name: given.slice(0, maximumLength),
    reason: `"${given.slice(0, 60)}" is not a UUID.`,
    field: 'name',
  })
}

async function amendedName(ctx: Context, meta: Meta, original: string): Promise<string> {
  const amended = /^(.*)-(\d+)$/.exec(original)
  // "X-1" is an amendment only when it was amended itself; an ordinary name may end in a number too.
  const wasAmendment = amended !== null && (await amendedFrom(ctx, meta, original)) !== null
  return wasAmendment && amended ? `${amended[1]}-${Number(amended[2]) + 1}` : `${original}-1`
}

async function amendedFrom(ctx: Context, meta: Meta, name: string): Promise<string | null> {
  const [row] = await ctx.db.query<{ amended_from: string | null }>(
    ctx.db.dialect.compile(sql`select amended_from from ${ident(meta.table)} where name = ${name}`),
  )
  return row?.amended_from || null
}

async function nameByPattern(ctx: Context, meta: Meta, document: AnyDocument, given: string | undefined): Promise<string> {
  const autoname = meta.definition.autoname ?? ''
  const fields = document as Record<string, unknown>
  if (autoname.startsWith('field:')) {
    const fieldname = autoname.slice(6).trim()
    const value = fields[fieldname]
    if (value === null || value === undefined || value === '')
      throw new NameInvalid({
        doctype: meta.name,
        name: '',
        reason: `"${fieldname}" must be filled in, because it names the document.`,
        field: fieldname,
      })
    return String(value)
  }
  if (autoname.startsWith('naming_series:')) {
    const series = String(fields.naming_series || firstOption(meta, 'naming_series') || meta.definition.naming_series || '')
    if (series === '') throw new NameInvalid({ doctype: meta.name, name: '', reason: 'a naming series is needed.', field: 'naming_series' })
    if (meta.column.has('naming_series')) fields.naming_series = series
    return expandSeries(ctx, series.includes('#') ? series : `${series}.#####`, document)
  }
  if (/^prompt$/i.test(autoname)) {
    if (!given) throw new NameInvalid({ doctype: meta.name, name: '', reason: 'a name is needed.', field: 'name' })
    return given
  }
  if (autoname.startsWith('format:')) return expandFormat(ctx, autoname.slice(7), document)
  if (autoname === '' || autoname === 'hash' || autoname === 'random' || meta.definition.naming_rule === 'Random') return hashName()
  if (autoname.includes('#') || autoname.includes('.')) return expandSeries(ctx, autoname, document)
  return hashName()
}

function firstOption(meta: Meta, fieldname: string): string | undefined {
  const field = meta.field.get(fieldname)
  return (field?.default || field?.options?.split('\n').find((option) => option.trim() !== ''))?.trim()
}

/** `format:` patterns: braces hold a field, a date part or the counter, whose series is the text before it. */
async function expandFormat(ctx: Context, pattern: string, document: AnyDocument): Promise<string> {
  let name = ''
  for (const piece of pattern.split(/(\{[^{}]*\})/)) {
    if (!piece.startsWith('{')) name += piece
    else if (/^\{#+\}$/.test(piece)) name += await counted(ctx, name, piece.length - 2, document)
    else name += partOf(ctx, piece.slice(1, -1), document)
  }
  return name
}

/** Dotted patterns such as `INV-.YYYY.-.####`. */
export async function expandSeries(ctx: Context, pattern: string, document: AnyDocument): Promise<string> {
  let name = ''
  for (const part of pattern.split('.')) {
    if (part === '') continue
    if (/^#+$/.test(part)) name += await counted(ctx, name, part.length, document)
    else if (part.startsWith('{') && part.endsWith('}')) name += partOf(ctx, part.slice(1, -1), document)
    else name += partOf(ctx, part, document, true)
  }
  return name
}

async function counted(ctx: Context, prefix: string, digits: number, { doctype }: AnyDocument): Promise<string> {
  if (prefix.length + digits > maximumLength)
    throw new NameInvalid({
      doctype,
      name: prefix.slice(0, maximumLength),
      reason: `a name has at most ${maximumLength} characters.`,
      field: 'name',
    })
  return String(await nextInSeries(ctx, prefix)).padStart(digits, '0')
}

function partOf(ctx: Context, part: string, document: AnyDocument, literalOtherwise = false): string {
  const local = utcToZone(nowText(ctx), ctx.site.timeZone)
  switch (part) {
    case 'YYYY':
      return local.slice(0, 4)
    case 'YY':
      return local.slice(2, 4)
    case 'MM':
      return local.slice(5, 7)
    case 'DD':
      return local.slice(8, 10)
    case 'JJJ':
      return String(
        Math.floor((Date.parse(`${local.slice(0, 10)}T00:00Z`) - Date.parse(`${local.slice(0, 4)}-01-01T00:00Z`)) / 86_400_000) + 1,
      ).padStart(3, '0')
    case 'WW':
      return isoWeek(local.slice(0, 10))
    case 'timestamp':
      return local
  }
  const value = (document as Record<string, unknown>)[part]
  if (Object.hasOwn(document, part) && value !== null && value !== undefined) return String(value)
  return literalOtherwise ? part : ''
}

function isoWeek(day: string): string {
  const instant = Date.parse(`${day}T00:00Z`)
  const weekday = (new Date(instant).getUTCDay() + 6) % 7
  const thursday = instant + (3 - weekday) * 86_400_000
  const yearStart = Date.UTC(new Date(thursday).getUTCFullYear(), 0, 1)
  return String(Math.floor((thursday - yearStart) / (7 * 86_400_000)) + 1).padStart(2, '0')
}

interface NamingRuleRow {
  name: string
  prefix: string
  prefix_digits: number
}

async function applyNamingRules(ctx: Context, meta: Meta, document: AnyDocument): Promise<void> {
  const rules = await namingRules(ctx, meta)
  for (const rule of rules) {
    if (!rule.conditions.every((condition) => holds(condition, document))) continue
    const prefix = await expandSeries(ctx, rule.prefix, document)
    document.name = `${prefix}${await counted(ctx, prefix, rule.prefix_digits || 5, document)}`
    return
  }
}

interface NamingCondition {
  field: string
  condition: string
  value: string
}

function holds(condition: NamingCondition, document: AnyDocument): boolean {
  const operators: Record<string, string> = { '=': '==', '!=': '!=', '>': '>', '<': '<', '>=': '>=', '<=': '<=' }
  const operator = operators[condition.condition] ?? '=='
  const field = `doc[${JSON.stringify(condition.field)}]`
  return evaluateCondition(`eval:${field} ${operator} ${JSON.stringify(condition.value)}`, { doc: document })
}

async function namingRules(ctx: Context, meta: Meta): Promise<(NamingRuleRow & { conditions: NamingCondition[] })[]> {
  const key = `naming-rules:${meta.name}`
  const known = ctx.site.cache.config.get(key) as (NamingRuleRow & { conditions: NamingCondition[] })[] | undefined
  if (known) return known
  const epoch = ctx.site.epoch.config
  const found: (NamingRuleRow & { conditions: NamingCondition[] })[] = []
  if (meta.name !== 'Document Naming Rule' && !meta.isTable && (await ctx.site.meta.exists('Document Naming Rule'))) {
    // As committed: what this transaction may still take back is nothing to remember.
    const { database } = ctx.site
    const rows = await database.query<NamingRuleRow>(
      ctx.db.dialect.compile(
        sql`select name, prefix, prefix_digits from ${ident('tabDocument Naming Rule')}
          where document_type = ${meta.name} and disabled = 0 order by priority desc, name`,
      ),
    )
    for (const row of rows) {
      const conditions = await database.query<NamingCondition>(
        ctx.db.dialect.compile(
          sql`select field, ${ident('condition')}, value from ${ident('tabDocument Naming Rule Condition')} where parent = ${row.name} order by idx`,
        ),
      )
      found.push({ ...row, conditions })
    }
  }
  // Somebody changed a rule while this was read: the next one looks again.
  if (ctx.site.epoch.config === epoch) ctx.site.cache.config.set(key, found)
  return found
}

/** Gives the counter back when the deleted document held its last number. */
export async function revertSeries(ctx: Context, meta: Meta, document: AnyDocument): Promise<void> {
  const autoname = meta.definition.autoname ?? ''
  const counts = autoname.startsWith('naming_series:') || autoname.includes('#')
  const match = counts ? /^(.*?)(\d+)$/.exec(String(document.name)) : null
  if (match?.[2] && !(document as Record<string, unknown>).amended_from) await giveBack(ctx, match[1] ?? '', Number(match[2]))
}

/** Turns the engine's complaint about a name that exists into ours. */
export function nameTaken(meta: Meta, document: AnyDocument, cause: unknown): Error {
  return new NameTaken({ doctype: meta.name, name: String(document.name), field: 'name' }, { cause })
}
