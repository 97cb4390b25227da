/** What a caller may rely on in every refusal: a stable code, an HTTP status, a sentence, and the data behind it. */
export class AppError extends Error {
  readonly code: string
  readonly status: number
  /** Frappe's name for the class of failure (`exc_type` on the wire). */
  readonly excType: string
  /** Where in the caller's input the fault lies, as a path such as `items[2].qty`; empty when it concerns the whole. */
  readonly field: string
  readonly data: Readonly<Record<string, unknown>>

  constructor(definition: ErrorDefinition<never>, message: string, data: Record<string, unknown>, options?: ErrorOptions) {
    super(message, options)
    this.name = definition.excType
    this.code = definition.code
    this.status = definition.status
    this.excType = definition.excType
    this.field = typeof data.field === 'string' ? data.field : ''
    this.data = data
  }
}

export interface ErrorDefinition<D> {
  /** `area/what-happened`, unique in the product; the error catalogue in docs/reference/errors.md lists each. */
  code: string
  /** HTTP status of the v2 API; v1 uses the same number. */
  status: number
  /** Frappe's exception class of the same meaning. */
  excType: string
  message: (data: D) => string
}

/** A defined error: call it with `new` to throw, ask `is` to recognise. */
export interface DefinedError<D> {
  new (data: D, options?: ErrorOptions): AppError
  readonly definition: ErrorDefinition<D>
  is(error: unknown): error is AppError
}

const catalogue = new Map<string, ErrorDefinition<never>>()

/**
 * Declares one kind of refusal. The declaration serves the API, the screens, the logs and the error catalogue.
 * @throws Error when two declarations share a code
 */
export function defineError<D extends object = object>(definition: ErrorDefinition<D>): DefinedError<D> {
  if (catalogue.has(definition.code)) throw new Error(`Error code ${definition.code} is declared twice.`)
  catalogue.set(definition.code, definition as unknown as ErrorDefinition<never>)
  class Defined extends AppError {
    static readonly definition = definition
    static is(error: unknown): error is AppError {
      return error instanceof AppError && error.code === definition.code
    }
    constructor(data: D, options?: ErrorOptions) {
      super(definition as unknown as ErrorDefinition<never>, definition.message(data), data as Record<string, unknown>, options)
    }
  }
  return Defined as unknown as DefinedError<D>
}

/** Every declared error, by code; used by the documentation and its test. */
export function errorCatalogue(): readonly ErrorDefinition<never>[] {
  return [...catalogue.values()].sort((a, b) => (a.code < b.code ? -1 : 1))
}
