import type { Dialect, Query, SqlValue } from '#kernel/database/database.ts'
import type { Sql } from '#kernel/database/sql.ts'

/** A part of a statement, compiled: its text with placeholders counted from one, and the values for them. */
export interface Piece {
  readonly text: string
  readonly parameters: readonly SqlValue[]
}

/** Compiles a fragment on its own, so that parts of a statement which do not change are compiled once. */
export function piece(fragment: Sql, dialect: Dialect): Piece {
  const { sql, parameters } = dialect.compile(fragment)
  return { text: sql, parameters }
}

/** Puts a statement together from texts and pieces; numbered placeholders are counted on. */
export class StatementBuilder {
  #text = ''
  readonly #parameters: SqlValue[] = []
  readonly #numbered: boolean

  constructor(dialect: Dialect) {
    this.#numbered = dialect.name === 'postgres'
  }

  text(text: string): this {
    this.#text += text
    return this
  }

  piece(part: Piece): this {
    const offset = this.#parameters.length
    // Identifiers never hold a dollar sign and values never stand in the text, so every `$n` is a placeholder.
    const renumber = this.#numbered && offset > 0 && part.parameters.length > 0
    this.#text += renumber ? part.text.replace(/\$(\d+)/g, (_, number: string) => `$${Number(number) + offset}`) : part.text
    this.#parameters.push(...part.parameters)
    return this
  }

  value(value: SqlValue): this {
    this.#parameters.push(value)
    this.#text += this.#numbered ? `$${this.#parameters.length}` : '?'
    return this
  }

  build(): Query {
    return { sql: this.#text, parameters: this.#parameters }
  }
}
