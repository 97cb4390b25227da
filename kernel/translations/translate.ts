import type { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { setting } from '#kernel/sites/settings.ts'
import type { Site } from '#kernel/sites/site.ts'
import { type Catalogue, catalogueOf, isSource, keyOf, knownCatalogue, languagesOf } from './catalogue.ts'

/** In the context column of translations: the text is an error's code, and the translation a sentence with its data in braces. */
export const errorContext = 'error'

/** Makes the translations of a language ready for `translate`; nothing for English. Cheap when they are. */
export async function loadTranslations(site: Site, language: string): Promise<void> {
  if (!isSource(language)) await catalogueOf(site, language)
}

/**
 * A text in the acting user's language; the text itself where nobody has translated it. Its translations must be ready (`loadTranslations`), or
 * it stays as it is.
 * @param context tells apart what one word means in two places
 */
export function translate(ctx: Pick<Context, 'site' | 'user'>, text: string, context = ''): string {
  return translateTo(ctx.site, ctx.user.language, text, context)
}

/** As `translate`, into a language: of whoever reads a mail or a print. */
export function translateTo(site: Site, language: string, text: string, context = ''): string {
  if (isSource(language)) return text
  const catalogue = knownCatalogue(site, language)
  if (!catalogue) return text
  return (context !== '' ? catalogue.get(keyOf(text, context)) : undefined) ?? catalogue.get(text) ?? text
}

/** English forms of a text about a number; `{count}` stands for the number. */
export interface PluralForms {
  readonly one: string
  readonly other: string
}

/**
 * A text about a number, in the form that the language has for it. Translations have the form's name (`zero`, `one`, `two`, `few`, `many`,
 * `other`, as in CLDR) as their context and the English `other` as their text.
 */
export function translateCount(ctx: Pick<Context, 'site' | 'user'>, count: number, forms: PluralForms): string {
  const { language } = ctx.user
  const catalogue = isSource(language) ? undefined : knownCatalogue(ctx.site, language)
  const translated = catalogue?.get(keyOf(forms.other, rulesOf(language).select(count))) ?? catalogue?.get(keyOf(forms.other, 'other'))
  return filled(translated ?? forms[count === 1 ? 'one' : 'other'], { count })
}

const rules = new Map<string, Intl.PluralRules>()

function rulesOf(language: string): Intl.PluralRules {
  const known = rules.get(language)
  if (known) return known
  const made = new Intl.PluralRules(Intl.PluralRules.supportedLocalesOf([language.replaceAll('_', '-')])[0] ?? 'en')
  rules.set(language, made)
  return made
}

/** The sentence of an error in a language; its own where there is no translation. */
export function translateError(site: Site, language: string, error: AppError): string {
  const catalogue = isSource(language) ? undefined : knownCatalogue(site, language)
  const template = catalogue?.get(keyOf(error.code, errorContext))
  return template === undefined ? error.message : filled(template, error.data, catalogue)
}

/** Data that names what has a translation itself. */
const translatedData = new Set(['doctype', 'target', 'label', 'labels'])

/** Longest value that a sentence repeats. */
const longestValue = 300

/** `{name}` becomes the value of that name; what has none stays. Lists are joined with commas. */
function filled(template: string, data: Readonly<Record<string, unknown>>, catalogue?: Catalogue): string {
  const shown = (name: string, value: unknown): string => {
    const text = String(value)
    return (translatedData.has(name) ? catalogue?.get(text) : undefined) ?? text
  }
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(data, name) ? data[name] : undefined
    if (value === undefined || value === null) return whole
    return (Array.isArray(value) ? value.map((one) => shown(name, one)).join(', ') : shown(name, value)).slice(0, longestValue)
  })
}

/**
 * The language for somebody who is not signed in: the first that their browser wants and the site has, else the site's.
 * @param accepted the header Accept-Language
 */
export function languageForGuest(site: Site, accepted: string | undefined): string {
  const own = setting(site, 'language', 'en')
  if (!accepted) return own
  const wanted = accepted
    .slice(0, 500)
    .split(',')
    .map((part) => {
      const [tag = '', ...rest] = part.trim().split(';')
      const quality = Number(/^\s*q=([\d.]+)/.exec(rest.find((one) => one.includes('q=')) ?? '')?.[1] ?? 1)
      return { tag: tag.trim().toLowerCase(), quality }
    })
    .filter(({ tag, quality }) => tag !== '' && quality > 0)
    .sort((a, b) => b.quality - a.quality)
  const known = knownLanguages(site)
  for (const { tag } of wanted) {
    if (isSource(tag)) return 'en'
    const found =
      known.find((language) => language.toLowerCase() === tag) ?? known.find((language) => language.toLowerCase() === tag.split('-')[0])
    if (found) return found
  }
  return own
}

function knownLanguages(site: Site): readonly string[] {
  const key = 'translation-languages'
  const known = site.cache.config.get(key) as readonly string[] | undefined
  if (known) return known
  const made = languagesOf(site)
  site.cache.config.set(key, made)
  return made
}

/** Everything that screens need in a language, by the English texts; those with a context as `text:context`, as Frappe's clients look for them. */
export async function screenTexts(site: Site, language: string): Promise<Record<string, string>> {
  if (isSource(language)) return {}
  const catalogue: Catalogue = await catalogueOf(site, language)
  const texts: [string, string][] = []
  for (const [key, translation] of catalogue) {
    const [source = '', context = ''] = key.split('\u0004')
    if (context !== errorContext) texts.push([context === '' ? source : `${source}:${context}`, translation])
  }
  return Object.fromEntries(texts)
}
