import { parseJson } from '#kernel/methods/strict-json.ts'
import { BadParameter } from './errors.ts'

type Params = Readonly<Record<string, unknown>>

/** A parameter that is text; undefined where it is absent or empty. @throws BadParameter */
export function textParam(params: Params, name: string): string | undefined {
  const value = params[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw new BadParameter({ field: name, reason: 'must be text' })
}

/** A parameter that is a whole number from 0. @throws BadParameter */
export function countParam(params: Params, name: string): number | undefined {
  const value = params[name]
  if (value === undefined || value === null || value === '') return undefined
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value.trim()) ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number
  throw new BadParameter({ field: name, reason: 'must be a whole number from 0' })
}

/** A parameter that is yes or no. @throws BadParameter */
export function flagParam(params: Params, name: string, fallback = false): boolean {
  const value = params[name]
  if (value === undefined || value === null || value === '') return fallback
  if (value === true || value === 1 || value === '1' || value === 'true' || value === 'True') return true
  if (value === false || value === 0 || value === '0' || value === 'false' || value === 'False') return false
  throw new BadParameter({ field: name, reason: 'must be 0 or 1' })
}

/** A parameter that lists names: a list, its JSON text, or names separated by commas. @throws BadParameter, JsonMalformed */
export function namesParam(params: Params, name: string): string[] | undefined {
  let value = params[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') value = value.trim().startsWith('[') ? parseJson(value, name) : value.split(',').map((part) => part.trim())
  if (!Array.isArray(value) || value.some((one) => typeof one !== 'string'))
    throw new BadParameter({ field: name, reason: 'must be a list of names' })
  return value as string[]
}

/** A parameter that is an object or its JSON text. @throws BadParameter, JsonMalformed */
export function objectParam(params: Params, name: string): Record<string, unknown> | undefined {
  let value = params[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') value = parseJson(value, name)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadParameter({ field: name, reason: 'must be an object' })
  return value as Record<string, unknown>
}
