/** The language that a template is filled in for, where it is not the site's. */
export interface TemplateLocale {
  readonly language: string
  text(source: string): string
  number(value: unknown, places?: number): string | undefined
  money(value: unknown, currency: string, places?: number): string | undefined
  /** From `YYYY-MM-DD`. */
  day(value: string): string
}

// Beside the data, so that no template can show the functions.
const spoken = new WeakMap<object, TemplateLocale>()

/** Lets the filters of one filling-in use a locale. @param globals the object that is handed to the engine */
export function speakIn(globals: object, locale: TemplateLocale): void {
  spoken.set(globals, locale)
}

/** The locale of a filling-in, if it has one. */
export function spokenIn(globals: object): TemplateLocale | undefined {
  return spoken.get(globals)
}
