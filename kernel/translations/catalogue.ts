import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadedApp } from '#kernel/apps/app.ts'
import { sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { readCsvText } from './csv-text.ts'

/** Translations by `keyOf(source, context)`. */
export type Catalogue = ReadonlyMap<string, string>

/** The language in which everything is written in the code: nothing has to be looked up for it. */
export const sourceLanguage = 'en'

/** No text holds the separator, so that a context cannot be taken for a part of a text. */
export function keyOf(source: string, context = ''): string {
  return context === '' ? source : `${source}\u0004${context}`
}

/** Whether texts are to be looked up at all: not for English of any country. */
export function isSource(language: string): boolean {
  return language === '' || language === sourceLanguage || language.startsWith('en-') || language.startsWith('en_')
}

/** Files of apps by path; read once per process, as code is. */
const files = new Map<string, Catalogue>()

/** What one app brings for one language tag. */
export function fileOf(app: LoadedApp, language: string): Catalogue {
  const path = join(app.folder, 'translations', `${language}.csv`)
  const known = files.get(path)
  if (known) return known
  const made = new Map<string, string>()
  if (!/^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/.test(language) || !existsSync(path)) return made
  for (const [source = '', translation = '', context = ''] of readCsvText(readFileSync(path, 'utf8')))
    if (source !== '' && translation !== '') made.set(keyOf(source, context), translation)
  files.set(path, made)
  return made
}

/** The languages into which a site's apps bring translations. */
export function languagesOf(site: Pick<Site, 'apps'>): string[] {
  const found = new Set<string>()
  for (const { folder } of site.apps.all) {
    const translations = join(folder, 'translations')
    if (!existsSync(translations)) continue
    for (const name of readdirSync(translations)) if (name.endsWith('.csv')) found.add(name.slice(0, -4))
  }
  return [...found].sort()
}

/** `de-AT`, then `de`. */
function chain(language: string): string[] {
  const tag = language.replaceAll('_', '-')
  const dash = tag.lastIndexOf('-')
  return dash > 0 ? [tag, ...chain(tag.slice(0, dash))] : [tag]
}

/** What the apps bring, without the site's own translations; later apps win over those they build on. */
function ofApps(site: Pick<Site, 'apps'>, language: string): Map<string, string> {
  const made = new Map<string, string>()
  for (const tag of chain(language).reverse())
    for (const app of site.apps.all) for (const [key, translation] of fileOf(app, tag)) made.set(key, translation)
  return made
}

/** What is known already, without asking the database. */
export function knownCatalogue(site: Site, language: string): Catalogue | undefined {
  return remembered(site).get(language)
}

/** Languages are named by callers: only so many are remembered. */
const mostLanguages = 100

function remembered(site: Site): Map<string, Catalogue> {
  const known = site.cache.config.get('translations') as Map<string, Catalogue> | undefined
  if (known) return known
  const made = new Map<string, Catalogue>()
  site.cache.config.set('translations', made)
  return made
}

/**
 * Every translation into a language on a site: those of its apps, those for a country over those for the language, and over all of them the
 * site's own (DocType Translation). Remembered until a setting changes.
 */
export async function catalogueOf(site: Site, language: string): Promise<Catalogue> {
  const known = knownCatalogue(site, language)
  if (known) return known
  const epoch = site.epoch.config
  const made = ofApps(site, language)
  for (const tag of chain(language).reverse()) {
    const rows = await site.database.query<{ source: string | null; translation: string | null; context: string | null }>(
      site.database.dialect.compile(
        sql`select source_text as source, translated_text as translation, context from ${sql.id('tabTranslation')}
          where ${sql.id('language')} = ${tag} order by modified`,
      ),
    )
    for (const { source, translation, context } of rows) if (source && translation) made.set(keyOf(source, context ?? ''), translation)
  }
  // Never keep what may be older than a change that this process has learnt of meanwhile.
  const kept = remembered(site)
  if (site.epoch.config === epoch && kept.size < mostLanguages) kept.set(language, made)
  return made
}
