import type { Database } from '#kernel/database/database.ts'
import { sql } from '#kernel/database/sql.ts'
import type { Site } from './site.ts'

/** The System Settings document as stored, by fieldname. */
export async function readSettings(database: Database): Promise<Map<string, string | null>> {
  const rows = await database.query<{ field: string; value: string | null }>(
    database.dialect.compile(sql`select field, value from ${sql.id('tabSingles')} where doctype = ${'System Settings'}`),
  )
  return new Map(rows.map((row) => [row.field, row.value]))
}

/** A setting as text; `fallback` where it is not set. */
export function setting(site: Site, fieldname: string, fallback = ''): string {
  return site.settings.get(fieldname) || fallback
}

/** A Check setting. */
export function isSet(site: Site, fieldname: string): boolean {
  return site.settings.get(fieldname) === '1'
}

/** A whole number; `fallback` where it is not set or not a number. */
export function settingNumber(site: Site, fieldname: string, fallback: number): number {
  const value = site.settings.get(fieldname)
  const number = value === undefined || value === null || value === '' ? Number.NaN : Number(value)
  return Number.isFinite(number) ? number : fallback
}
