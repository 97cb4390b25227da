import type { DialectName } from '#kernel/database/database.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import type { CastType } from './nodes.ts'

/** What an expression gives, as far as its spelling and its column in the answer depend on it. */
export type ValueType = 'text' | 'integer' | 'number' | 'date' | 'datetime' | 'time' | 'boolean' | 'unknown'

/** A printed expression. `field` is the field whose values it has, when it has some field's. */
export interface Printed {
  readonly text: string
  readonly type: ValueType
  readonly field?: MetaField
}

/** A function that a query report may call. Each argument stands in the text once and in its order, as placeholders want. */
interface ReportFunction {
  readonly least: number
  readonly most: number
  readonly isAggregate?: boolean
  readonly print: (args: readonly Printed[], dialect: DialectName, distinct: string) => Printed
}

const of = (args: readonly Printed[], at = 0) => args[at] as Printed
const joined = (args: readonly Printed[]) => args.map((arg) => arg.text).join(', ')
/** What all arguments but literals without a type agree upon. */
const common = (args: readonly Printed[]): Pick<Printed, 'type' | 'field'> => {
  const known = args.filter((arg) => arg.type !== 'unknown')
  const [first] = known
  if (!first) return { type: 'unknown' }
  const type = known.every((arg) => arg.type === first.type) ? first.type : known.every((arg) => isNumber(arg.type)) ? 'number' : 'text'
  return { type, ...(first.field && type === first.type && { field: first.field }) }
}

export function isNumber(type: ValueType): boolean {
  return type === 'integer' || type === 'number'
}

const simple =
  (name: string, type: ValueType): ReportFunction['print'] =>
  (args) => ({ text: `${name}(${joined(args)})`, type })

/** The smallest, largest or summed value of a field still is one of that field, as people read it. */
const extreme =
  (name: 'min' | 'max'): ReportFunction['print'] =>
  (args) => ({ ...of(args), text: `${name}(${of(args).text})` })

const total =
  (name: 'sum' | 'avg'): ReportFunction['print'] =>
  (args, dialect, distinct) => {
    const { field, type } = of(args)
    const isSum = name === 'sum'
    // `sum(status = 'Open')` counts where that is so; one engine does not add truths up.
    const summed = type === 'boolean' ? `case when ${of(args).text} then 1 else 0 end` : of(args).text
    const text = `${dialect === 'sqlite' ? `exact_${name}` : name}(${distinct}${summed})`
    return {
      text,
      type: isSum && (type === 'integer' || type === 'boolean') ? 'integer' : 'number',
      ...(field && (isSum || type === 'number') && { field }),
    }
  }

/** The first day of something's text, for engines that keep days as text. */
const dayText = (text: string) => `substr(${text}, 1, 10)`

const part =
  (name: 'year' | 'month' | 'quarter' | 'day'): ReportFunction['print'] =>
  (args, dialect) => {
    const { text } = of(args)
    const type = 'integer'
    if (dialect === 'mariadb') return { text: `${name === 'day' ? 'dayofmonth' : name}(${text})`, type }
    if (dialect === 'postgres') return { text: `cast(extract(${name} from cast(${text} as timestamp)) as integer)`, type }
    const piece = (from: number, length: number) => `cast(substr(${text}, ${from}, ${length}) as integer)`
    if (name === 'quarter') return { text: `((${piece(6, 2)} + 2) / 3)`, type }
    return { text: name === 'year' ? piece(1, 4) : piece(name === 'month' ? 6 : 9, 2), type }
  }

/** `%Y-%m` and its like; what each dialect calls the parts. */
const formatParts: Readonly<Record<string, readonly [sqlite: string, postgres: string]>> = {
  '%Y': ['%Y', 'YYYY'],
  '%m': ['%m', 'MM'],
  '%d': ['%d', 'DD'],
  '%H': ['%H', 'HH24'],
  '%i': ['%M', 'MI'],
  '%s': ['%S', 'SS'],
}

/** Rewrites the format of `date_format`; undefined when it holds anything but the known parts, digits and `-/.: `. */
export function dateFormat(format: string, dialect: DialectName): string | undefined {
  if (!/^(?:%[YmdHis]|[-/.: ])*$/.test(format)) return undefined
  if (dialect === 'mariadb') return format
  return format.replaceAll(/%./g, (found) => (formatParts[found] as readonly string[])[dialect === 'sqlite' ? 0 : 1] as string)
}

const functions: Readonly<Record<string, ReportFunction>> = {
  count: {
    least: 1,
    most: 1,
    isAggregate: true,
    print: (args, _dialect, distinct) => ({ text: `count(${distinct}${of(args).text})`, type: 'integer' }),
  },
  sum: { least: 1, most: 1, isAggregate: true, print: total('sum') },
  avg: { least: 1, most: 1, isAggregate: true, print: total('avg') },
  min: { least: 1, most: 1, isAggregate: true, print: extreme('min') },
  max: { least: 1, most: 1, isAggregate: true, print: extreme('max') },
  coalesce: { least: 1, most: 20, print: (args) => ({ text: `coalesce(${joined(args)})`, ...common(args) }) },
  ifnull: { least: 2, most: 2, print: (args) => ({ text: `coalesce(${joined(args)})`, ...common(args) }) },
  nullif: { least: 2, most: 2, print: (args) => ({ ...of(args), text: `nullif(${joined(args)})` }) },
  if: {
    least: 3,
    most: 3,
    print: (args) => ({
      text: `(case when ${of(args).text} then ${of(args, 1).text} else ${of(args, 2).text} end)`,
      ...common(args.slice(1)),
    }),
  },
  abs: { least: 1, most: 1, print: (args) => ({ ...of(args), text: `abs(${of(args).text})` }) },
  round: {
    least: 1,
    most: 2,
    print: (args, dialect) => {
      const number = dialect === 'postgres' ? `cast(${of(args).text} as numeric)` : of(args).text
      return {
        text: `round(${number}${args[1] ? `, ${args[1].text}` : ''})`,
        type: 'number',
        ...(of(args).field && { field: of(args).field }),
      } as Printed
    },
  },
  floor: { least: 1, most: 1, print: simple('floor', 'integer') },
  ceil: { least: 1, most: 1, print: simple('ceil', 'integer') },
  lower: {
    least: 1,
    most: 1,
    print: (args, dialect) => ({ text: `${dialect === 'sqlite' ? 'fold' : 'lower'}(${of(args).text})`, type: 'text' }),
  },
  upper: { least: 1, most: 1, print: simple('upper', 'text') },
  trim: { least: 1, most: 1, print: simple('trim', 'text') },
  length: {
    least: 1,
    most: 1,
    print: (args, dialect) => ({ text: `${dialect === 'mariadb' ? 'char_length' : 'length'}(${of(args).text})`, type: 'integer' }),
  },
  substr: { least: 2, most: 3, print: simple('substr', 'text') },
  substring: { least: 2, most: 3, print: simple('substr', 'text') },
  replace: { least: 3, most: 3, print: simple('replace', 'text') },
  concat: {
    least: 1,
    most: 20,
    // Missing values make the whole missing, on every engine.
    print: (args, dialect) => ({
      text: dialect === 'mariadb' ? `concat(${joined(args)})` : `(${args.map((arg) => `cast(${arg.text} as text)`).join(' || ')})`,
      type: 'text',
    }),
  },
  year: { least: 1, most: 1, print: part('year') },
  quarter: { least: 1, most: 1, print: part('quarter') },
  month: { least: 1, most: 1, print: part('month') },
  day: { least: 1, most: 1, print: part('day') },
  date: {
    least: 1,
    most: 1,
    print: (args, dialect) => ({
      text:
        dialect === 'sqlite'
          ? dayText(of(args).text)
          : dialect === 'postgres'
            ? `cast(${of(args).text} as date)`
            : `date(${of(args).text})`,
      type: 'date',
    }),
  },
  datediff: {
    least: 2,
    most: 2,
    print: (args, dialect) => {
      const [a, b] = [of(args).text, of(args, 1).text]
      if (dialect === 'mariadb') return { text: `datediff(${a}, ${b})`, type: 'integer' }
      if (dialect === 'postgres') return { text: `(cast(${a} as date) - cast(${b} as date))`, type: 'integer' }
      return { text: `cast(julianday(${dayText(a)}) - julianday(${dayText(b)}) as integer)`, type: 'integer' }
    },
  },
  date_format: {
    least: 2,
    most: 2,
    print: (args, dialect) => {
      const [value, format] = [of(args).text, of(args, 1).text]
      if (dialect === 'mariadb') return { text: `date_format(${value}, ${format})`, type: 'text' }
      if (dialect === 'postgres') return { text: `to_char(cast(${value} as timestamp), ${format})`, type: 'text' }
      // The other way round in SQLite; neither part holds a placeholder, as the format is a literal.
      return { text: `strftime(${format}, ${value})`, type: 'text' }
    },
  },
  // Print their value as a literal; see the printer.
  curdate: { least: 0, most: 0, print: () => ({ text: '', type: 'date' }) },
  now: { least: 0, most: 0, print: () => ({ text: '', type: 'datetime' }) },
}

/** Whether a query report may call it, in lower case. */
export function isFunction(name: string): boolean {
  return Object.hasOwn(functions, name)
}

/** @throws TypeError for a name that `isFunction` does not know */
export function functionOf(name: string): ReportFunction {
  const found = functions[name]
  if (!found) throw new TypeError(`There is no function ${name}.`)
  return found
}

/** How a field's values compute. */
export function typeOfField(field: MetaField): ValueType {
  const { kind } = field.type
  if (kind === 'decimal') return 'number'
  if (kind === 'number') return field.type.storage(field)?.kind === 'float' ? 'number' : 'integer'
  return kind === 'table' || kind === 'none' ? 'text' : kind
}

const castTypes = {
  integer: { sqlite: 'integer', postgres: 'bigint', mariadb: 'signed' },
  decimal: { sqlite: 'real', postgres: 'numeric(38,9)', mariadb: 'decimal(38,9)' },
  text: { sqlite: 'text', postgres: 'text', mariadb: 'char' },
  date: { sqlite: 'text', postgres: 'date', mariadb: 'date' },
} as const

/** What a dialect calls the type to cast to. */
export function castType(type: CastType, dialect: DialectName): string {
  return castTypes[type][dialect]
}
