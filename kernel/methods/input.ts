import type { TObject, TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { BadInput } from './errors.ts'
import type { Method } from './method.ts'
import { parseJson } from './strict-json.ts'

/** What validating one kind of input needs, prepared at its first use. */
interface Reader {
  readonly properties: readonly (readonly [name: string, schema: Shape, required: boolean])[]
  readonly validator: Validator
}

/** The parts of a JSON schema that tell how to read text that a form or a query string sent. */
interface Shape {
  type?: string
  anyOf?: Shape[]
  const?: unknown
  enum?: unknown[]
}

const readers = new WeakMap<TObject, Reader>()

/** Never taken from a caller: rights come from the context alone. */
const neverTaken = new Set(['ignore_permissions', 'flags'])

/**
 * Binds a caller's parameters to a method's input: unknown ones are dropped, text is read as the number, flag, list or object that the
 * schema wants, an empty or null optional one counts as not given. Then the schema decides.
 * @throws BadInput naming the parameter
 */
export function readInput(
  method: Pick<Method, 'path' | 'input' | 'keepsUnknown'>,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const reader = readerOf(method.input)
  const input: Record<string, unknown> = {}
  for (const [name, shape, required] of reader.properties) {
    if (!Object.hasOwn(given, name) || neverTaken.has(name)) continue
    const value = fitted(shape, given[name], name)
    if (value === undefined || (value === null && !required && !accepts(shape, null))) continue
    if (value === '' && !required && !accepts(shape, '')) continue
    input[name] = value
  }
  if (method.keepsUnknown) {
    for (const [name, value] of Object.entries(given)) if (!Object.hasOwn(input, name) && !neverTaken.has(name)) input[name] = value
  }
  if (!reader.validator.Check(input)) refuse(method.path, reader.validator, input)
  return input
}

function readerOf(schema: TObject): Reader {
  const known = readers.get(schema)
  if (known) return known
  const required = new Set<string>((schema as { required?: string[] }).required ?? [])
  const reader: Reader = {
    properties: Object.entries(schema.properties).map(([name, shape]) => [name, shape as Shape, required.has(name)] as const),
    validator: Compile(schema as TSchema) as unknown as Validator,
  }
  readers.set(schema, reader)
  return reader
}

function refuse(method: string, validator: Validator, input: unknown): never {
  const [first] = validator.Errors(input) as {
    keyword: string
    instancePath: string
    message: string
    params: { requiredProperties?: string[] }
  }[]
  const missing = first?.keyword === 'required' ? (first.params.requiredProperties?.[0] ?? '') : ''
  const path = [...(first?.instancePath ?? '').split('/').slice(1), ...(missing ? [missing] : [])]
  const field = path.reduce((text, part) => (/^\d+$/.test(part) ? `${text}[${part}]` : text ? `${text}.${part}` : part), '')
  throw new BadInput({ method, field, reason: missing ? 'is needed' : (first?.message ?? 'is not acceptable') })
}

/** The value as the schema wants it, where text can be read that way; else the value as it came, for the schema to refuse. */
function fitted(shape: Shape, value: unknown, name: string): unknown {
  if (accepts(shape, value)) return value
  if (shape.anyOf) {
    for (const choice of shape.anyOf) {
      const made = fitted(choice, value, name)
      if (made !== value && accepts(choice, made)) return made
    }
    return value
  }
  switch (shape.type) {
    case 'integer':
    case 'number':
      return typeof value === 'boolean'
        ? Number(value)
        : typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value.trim())
          ? Number(value)
          : value
    case 'boolean':
      return readFlag(value)
    case 'string':
      return typeof value === 'number' ? String(value) : value
    case 'array':
    case 'object':
      return typeof value === 'string' && /^\s*[[{]/.test(value) ? parseJson(value, name) : value
    default:
      return value
  }
}

function readFlag(value: unknown): unknown {
  if (value === 1 || value === '1' || value === 'true' || value === 'True') return true
  if (value === 0 || value === '0' || value === 'false' || value === 'False' || value === '') return false
  return value
}

/** A first look by type alone; the validator has the last word. */
function accepts(shape: Shape, value: unknown): boolean {
  if (shape.anyOf) return shape.anyOf.some((choice) => accepts(choice, value))
  if (Object.hasOwn(shape, 'const')) return shape.const === value
  if (shape.enum) return shape.enum.includes(value)
  switch (shape.type) {
    case undefined:
      return true
    case 'null':
      return value === null
    case 'integer':
    case 'number':
      return typeof value === 'number'
    case 'array':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    default:
      return typeof value === shape.type
  }
}
