import { Decimal, isDecimalText } from './decimal.ts'

/** What a function may know besides its arguments. */
export interface Surroundings {
  /** `YYYY-MM-DD` in the zone of whoever asks; undefined where the caller gave no clock. */
  today: string | undefined
  /** `YYYY-MM-DD HH:MM:SS` in the same zone. */
  now: string | undefined
  hasRole(role: unknown): boolean
}

type Callable = (args: readonly unknown[], surroundings: Surroundings) => unknown

const today: Callable = (_, { today }) => today
const now: Callable = (_, { now }) => now
const cint: Callable = ([value]) => Math.trunc(toNumber(value)) || 0
const flt: Callable = ([value, digits]) => rounded(toNumber(value), digits)
const cstr: Callable = ([value]) => toText(value ?? '')
const round: Callable = ([value, digits]) => rounded(toNumber(value), digits ?? 0)
const abs: Callable = ([value]) => Math.abs(toNumber(value))
const floor: Callable = ([value]) => Math.floor(toNumber(value))
const ceil: Callable = ([value]) => Math.ceil(toNumber(value))
const min: Callable = (args) => spread(args).reduce((best, value) => Math.min(best, value), Number.POSITIVE_INFINITY)
const max: Callable = (args) => spread(args).reduce((best, value) => Math.max(best, value), Number.NEGATIVE_INFINITY)

/**
 * Functions by their dotted name. `cint` and `flt` read text with thousands commas and give 0 for what is no number; `flt` and `round`
 * take a number of digits and round half to even; `min` and `max` also take one list.
 */
const functions: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  ['cint', cint],
  ['frappe.utils.cint', cint],
  ['flt', flt],
  ['frappe.utils.flt', flt],
  ['cstr', cstr],
  ['frappe.utils.cstr', cstr],
  ['in_list', ([list, item]) => Array.isArray(list) && list.includes(item)],
  ['has_common', ([one, other]) => Array.isArray(one) && Array.isArray(other) && one.some((item) => other.includes(item))],
  ['is_null', ([value]) => value === null || value === undefined || value === ''],
  ['len', ([value]) => (typeof value === 'string' || Array.isArray(value) ? value.length : 0)],
  ['abs', abs],
  ['round', round],
  ['floor', floor],
  ['ceil', ceil],
  ['min', min],
  ['max', max],
  ['Math.abs', abs],
  ['Math.round', round],
  ['Math.floor', floor],
  ['Math.ceil', ceil],
  ['Math.min', min],
  ['Math.max', max],
  ['today', today],
  ['nowdate', today],
  ['frappe.utils.today', today],
  ['frappe.utils.nowdate', today],
  ['frappe.datetime.get_today', today],
  ['frappe.datetime.nowdate', today],
  ['frappe.datetime.now_date', today],
  ['now_datetime', now],
  ['frappe.utils.now_datetime', now],
  ['frappe.utils.now', now],
  ['frappe.datetime.now_datetime', now],
  ['frappe.user.has_role', ([role], { hasRole }) => hasRole(role)],
])

export function isFunction(path: string): boolean {
  return functions.has(path)
}

export function callFunction(path: string, args: readonly unknown[], surroundings: Surroundings): unknown {
  return functions.get(path)?.(args, surroundings)
}

type TextMethod = (text: string, argument: string) => unknown

const textMethods: ReadonlyMap<string, TextMethod> = new Map<string, TextMethod>([
  ['includes', (text, argument) => text.includes(argument)],
  ['startsWith', (text, argument) => text.startsWith(argument)],
  ['endsWith', (text, argument) => text.endsWith(argument)],
  ['indexOf', (text, argument) => text.indexOf(argument)],
  ['toLowerCase', (text) => text.toLowerCase()],
  ['toUpperCase', (text) => text.toUpperCase()],
  ['trim', (text) => text.trim()],
])
const rowMethods: ReadonlySet<string> = new Set(['some', 'every', 'filter', 'find', 'map'])

export function isMethod(name: string): boolean {
  return textMethods.has(name)
}

/** Whether the method takes a `row => …`. */
export function isRowMethod(name: string): boolean {
  return rowMethods.has(name)
}

/** Calls a method of a text or a list; undefined when the value is neither, or has no such method. */
export function callMethod(name: string, of: unknown, args: readonly unknown[]): unknown {
  if (typeof of === 'string') return textMethods.get(name)?.(of, toText(args[0]))
  if (!Array.isArray(of)) return undefined
  if (name === 'includes') return of.includes(args[0])
  return name === 'indexOf' ? of.indexOf(args[0]) : undefined
}

/** What JavaScript's String() gives for plain data, without asking the data how. */
export function toText(value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => (Array.isArray(item) ? '' : toText(item ?? ''))).join(',')
  return typeof value === 'object' && value !== null ? '[object Object]' : String(value)
}

function toNumber(value: unknown): number {
  if (typeof value === 'number') return Number.isFinite(value) ? value : 0
  if (typeof value === 'boolean') return Number(value)
  const text = typeof value === 'string' ? value.replaceAll(',', '').trim() : ''
  return isDecimalText(text) ? Number(text) : 0
}

function rounded(value: number, digits: unknown): number {
  if (typeof digits !== 'number' || !(digits >= 0 && digits <= 20) || !Number.isFinite(value)) return value
  return Decimal.from(value).round(Math.trunc(digits)).toNumber()
}

function spread(args: readonly unknown[]): number[] {
  return (args.length === 1 && Array.isArray(args[0]) ? args[0] : args).map(toNumber)
}
