import { errorCatalogue } from '#client/rules/errors.ts'
import type { LoadedApp } from '#kernel/apps/app.ts'
import { AppMissing } from '#kernel/apps/errors.ts'
import { fileOf, keyOf } from './catalogue.ts'
import { errorContext } from './translate.ts'

/** A text that can be translated. */
interface SourceText {
  readonly source: string
  readonly context: string
  /** Where it is from; for an error its English sentence. */
  readonly note: string
}

/** A text and what it is in the other language; empty where nobody has said. */
export interface TranslatedText extends SourceText {
  readonly translation: string
}

/**
 * The texts of an app with their translations: names and descriptions of its DocTypes, labels, descriptions and choices of their fields, and the errors
 * of its code (those of the platform itself for `core`).
 * @param missingOnly without those that are translated
 * @throws AppMissing
 */
export function appTexts(apps: readonly LoadedApp[], name: string, language: string, missingOnly: boolean): TranslatedText[] {
  const app = apps.find((one) => one.name === name)
  if (!app) throw new AppMissing({ app: name, neededBy: 'orc translate' })
  const known = fileOf(app, language)
  const others = new Set(apps.map((one) => one.name).filter((one) => one !== 'core'))
  const isOwn = (code: string): boolean => {
    const area = code.split('/')[0] ?? ''
    return name === 'core' ? !others.has(area) : area === name
  }
  return sourceTexts(app, isOwn)
    .map((text) => ({ ...text, translation: known.get(keyOf(text.source, text.context)) ?? '' }))
    .filter(({ translation }) => !missingOnly || translation === '')
}

function sourceTexts(app: LoadedApp, isOwn: (code: string) => boolean): SourceText[] {
  const found = new Map<string, SourceText>()
  const add = (source: unknown, note: string, context = ''): void => {
    if (typeof source !== 'string' || !/\p{L}/u.test(source)) return
    const key = `${source}\u0004${context}`
    if (!found.has(key)) found.set(key, { source, context, note })
  }
  for (const doctype of app.doctypes) {
    add(doctype.name, 'DocType')
    add(doctype.description, doctype.name)
    for (const field of doctype.fields) {
      const place = `${doctype.name}.${field.fieldname}`
      add(field.label, place)
      add(field.description, place)
      if (field.fieldtype === 'Select') for (const option of (field.options ?? '').split('\n')) add(option.trim(), place)
    }
  }
  for (const definition of errorCatalogue()) if (isOwn(definition.code)) add(definition.code, sentenceOf(definition.message), errorContext)
  return [...found.values()]
}

/** An error's sentence with the names of its data in braces, as far as it can be had without real data. */
function sentenceOf(message: (data: never) => string): string {
  const blank: unknown = new Proxy(
    {},
    {
      get: (_, name) => {
        if (typeof name !== 'string') return undefined
        return `{${name}}`
      },
    },
  )
  try {
    return message(blank as never)
  } catch {
    return ''
  }
}
