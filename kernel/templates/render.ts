import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { setting } from '#kernel/sites/settings.ts'
import { type Escaping, fillTemplate, parseTemplate } from './engine.ts'
import { TemplateInvalid, TemplateTooLong } from './errors.ts'
import { speakIn, type TemplateLocale } from './template-locale.ts'

/** What keeps a text from being a template. */
export interface TemplateProblem {
  /** 1 for the first; 0 where no line is to blame. */
  readonly line: number
  readonly message: string
}

/**
 * Fills a Liquid template in. It sees own properties of `data` and of `site` (`url`, `name`, `language`), `today` and `now` in the
 * site's time zone; it reaches no file, no other template and no code. What it puts in is escaped unless `escape` is `none`; `| raw`
 * keeps the formatting of HTML, sanitised.
 * @param options `locale`: of the reader, where that is not the site's: how filters write numbers and days, and translate
 * @param source up to 500,000 characters
 * @throws TemplateInvalid; TemplateTooLong beyond one second or ten million characters
 */
export async function renderTemplate(
  ctx: Context,
  source: string,
  data: Record<string, unknown>,
  { escape: escaping = 'html', locale }: { escape?: Escaping; locale?: TemplateLocale } = {},
): Promise<string> {
  if (!source.includes('{{') && !source.includes('{%')) return source
  const now = utcToZone(nowText(ctx), ctx.site.timeZone)
  const globals = {
    site: { url: siteAddress(ctx), name: ctx.site.host, language: locale?.language ?? setting(ctx.site, 'language', 'en') },
    today: now.slice(0, 10),
    now: now.slice(0, 19),
  }
  if (locale) speakIn(globals, locale)
  return fillTemplate(parseTemplate(source, escaping), data, globals, escaping)
}

/** Why a text is no template; undefined when it is one. For those who write templates, before they are stored. */
export function checkTemplate(source: string): TemplateProblem | undefined {
  try {
    parseTemplate(source, 'html')
    return undefined
  } catch (error) {
    if (TemplateInvalid.is(error) || TemplateTooLong.is(error)) return { line: Number(error.data.line ?? 0), message: error.message }
    throw error
  }
}
