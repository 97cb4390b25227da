import type { Storage } from '#kernel/database/database.ts'
import type { FieldType } from '../field-type.ts'
import { badValue, isBlank } from '../refusals.ts'
import { castText, longText } from '../text/text.ts'

function json(name: string, storage: Storage, expected: string, isFit: (value: unknown) => boolean): FieldType {
  const text = longText(name, (value, field, path) => {
    let parsed: unknown
    try {
      parsed = JSON.parse(value)
    } catch {
      throw badValue(field, path, expected)
    }
    if (!isFit(parsed)) throw badValue(field, path, expected)
  })
  return {
    ...text,
    storage: () => storage,
    cast(value, field, _wire, path) {
      if (isBlank(value)) return null
      if (typeof value === 'object') {
        try {
          return castText(JSON.stringify(value), field, path)
        } catch (error) {
          throw error instanceof TypeError ? badValue(field, path, expected) : error // circular, or a bigint inside
        }
      }
      if (typeof value === 'function' || typeof value === 'symbol') throw badValue(field, path, expected)
      return castText(value, field, path)
    },
  }
}

/** Any JSON, kept and sent as text, as Frappe does; objects and lists are accepted and written down. */
export const jsonType = json('JSON', { kind: 'json' }, 'JSON', () => true)

/** A GeoJSON object as text. */
export const geolocationType = json(
  'Geolocation',
  { kind: 'text' },
  'a GeoJSON object',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
)
