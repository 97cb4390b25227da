/**
 * The documents this client knows, by DocType name. `orc types` writes a file that adds to it:
 *
 *     declare module '#client/doc-types.ts' {
 *       interface DocTypes { Lead: Lead }
 *     }
 *
 * A DocType that is not listed can be used all the same; its values are `unknown`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: generated files add to it
export interface DocTypes {}

/** The methods this client knows, by path: `{ 'crm.convert': { input: { lead: string }; output: { deal: string } } }`. Generated files add to it. */
// biome-ignore lint/suspicious/noEmptyInterface: generated files add to it
export interface Methods {}

/** What every document carries. Times are ISO 8601 texts with an offset. */
export interface StandardFields {
  name: string
  owner: string
  creation: string
  modified: string
  modified_by: string
  /** 0 draft, 1 submitted, 2 cancelled. */
  docstatus: 0 | 1 | 2
  idx: number
}

/** A document of which only the standard fields are known. */
export type UnknownDocument = StandardFields & Record<string, unknown>

/** The document type of a DocType in a map of DocTypes. */
export type DocumentOf<Map, Name> = Name extends keyof Map ? Map[Name] & StandardFields : UnknownDocument

/** The names in the map, offered by editors; any other name is accepted too. */
export type NameIn<Map> = (keyof Map & string) | (string & {})

/** Values for a new or changed document: any of its fields, child rows in part as well. */
export type ValuesOf<Document> = {
  [Field in keyof Document]?: NonNullable<Document[Field]> extends readonly (infer Row)[]
    ? Row extends object
      ? readonly ValuesOf<Row>[] | null
      : Document[Field] | null
    : Given<Document[Field]> | null
}

/** Numbers may be given as text, which keeps every digit of a decimal. */
type Given<Value> = number extends Value ? Value | string : Value

/** A field to read: one of the document's own, or `link.field` and `field as alias`. */
export type FieldName<Document> = (keyof Document & string) | `${string}.${string}` | `${string} as ${string}`

/** The name under which a field comes back: its alias, the last part of `link.field`, or itself. */
type AnswerName<Field> = Field extends `${string} as ${infer Alias}` ? Alias : Field extends `${string}.${infer Last}` ? Last : Field

/** A row that holds just the fields asked for. */
export type RowOf<Document, Field extends string> = {
  [F in Field as AnswerName<F>]: F extends keyof Document ? Document[F] : unknown
}
