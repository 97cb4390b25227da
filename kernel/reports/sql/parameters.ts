import type { Dialect, SqlValue } from '#kernel/database/database.ts'
import { BadReportFilter } from '../errors.ts'
import type { Printed, ValueType } from './functions.ts'
import type { Demands } from './tables.ts'

/** A value that a reader gave for `%(name)s`. */
export type FilterValue = string | number | null | readonly (string | number)[]

/** What a filter is declared to be, where it is. */
export type FilterTypes = ReadonlyMap<string, ValueType>

/** What a query is run with. */
export interface Asked {
  /** Name of the report, for messages. */
  readonly report: string
  readonly filters: ReadonlyMap<string, FilterValue>
  readonly types: FilterTypes
  readonly demands: Demands
  /** Rows that the statement gives at most. */
  readonly most: number
}

/** The values that a statement carries, in the order of their placeholders. */
export class Parameters {
  readonly values: SqlValue[] = []
  readonly #asked: Asked
  readonly #isNumbered: boolean
  readonly #offset: number
  readonly #numbers = new Map<string, number>()

  /** @param offset how many values stand before these */
  constructor(dialect: Dialect, asked: Asked, offset: number) {
    this.#isNumbered = dialect.name === 'postgres'
    this.#asked = asked
    this.#offset = offset
  }

  /** Takes the values from one place on out again, where they must wait for their place in the text; numbered ones stay. */
  takeFrom(place: number): SqlValue[] {
    return this.#isNumbered ? [] : this.values.splice(place)
  }

  /** `%(name)s` where one value stands. @throws BadReportFilter */
  filter(name: string): Printed {
    const value = this.#filterValue(name)
    if (typeof value === 'object' && value !== null)
      throw new BadReportFilter({ report: this.#asked.report, field: name, reason: 'must be one value here' })
    return this.#value(name, value)
  }

  /** `in %(name)s`: a list, or one value. */
  filterList(name: string): string {
    const value = this.#filterValue(name)
    if (typeof value !== 'object' || value === null) return this.#value(name, value).text
    return value.length === 0 ? 'null' : value.map((one, index) => this.#value(`${name}[${index}]`, one, name).text).join(', ')
  }

  /** Absent means nothing, so that a query can say `%(x)s is null or …`. */
  #filterValue(name: string): FilterValue {
    return this.#asked.filters.get(name) ?? null
  }

  #value(key: string, value: string | number | null, declared = key): Printed {
    const type = this.#asked.types.get(declared) ?? (typeof value === 'number' ? 'number' : 'unknown')
    if (value === null) return { text: 'null', type: 'unknown' }
    let number = this.#isNumbered ? this.#numbers.get(key) : undefined
    if (number === undefined) {
      this.values.push(value)
      number = this.#offset + this.values.length
      this.#numbers.set(key, number)
    }
    if (!this.#isNumbered) return { text: '?', type }
    const cast = {
      integer: 'bigint',
      number: 'numeric',
      date: 'date',
      datetime: 'timestamp',
      time: 'time',
      text: 'text',
      boolean: '',
      unknown: '',
    }[type]
    return { text: cast ? `cast($${number} as ${cast})` : `$${number}`, type }
  }
}
