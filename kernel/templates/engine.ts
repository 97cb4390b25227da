import { createRequire } from 'node:module'
import type { Emitter, FilterImplOptions, Liquid as Engine, Template } from 'liquidjs'
import { LRUCache } from 'lru-cache'
import { sanitiseHtml } from '#kernel/fields/text/sanitise-html.ts'
import { TemplateInvalid, TemplateTooLong } from './errors.ts'
import { templateFilters } from './filters.ts'
import { escapeHtml } from './plain-text.ts'
import { TrustedHtml } from './trusted-html.ts'

/** Characters of a template. */
const longestSource = 500_000
/** Characters that one filling-in may make, what it only passes through included. */
const longestOutput = 10_000_000
/** Milliseconds of one filling-in. */
const longestTime = 1_000

/** `html`: everything put in is escaped. `none`: for subjects and plain texts. */
export type Escaping = 'html' | 'none'

/** Tags that read other templates: there are none. */
const refusedTags = ['include', 'render', 'layout', 'block', 'liquid'] as const

const engines = new Map<Escaping, Engine>()
const parsed = new LRUCache<string, Template[]>({ max: 500, maxSize: 4_000_000, sizeCalculation: (_, key) => key.length })

/** A template, read; read templates are kept. @throws TemplateInvalid, TemplateTooLong */
export function parseTemplate(source: string, escaping: Escaping): Template[] {
  if (source.length > longestSource) throw new TemplateTooLong({ what: 'source' })
  const key = `${escaping}:${source}`
  const known = parsed.get(key)
  if (known) return known
  try {
    const template = engineFor(escaping).parse(source)
    parsed.set(key, template)
    return template
  } catch (error) {
    throw asDefined(error)
  }
}

/** Fills a template in. Only own properties of plain data are seen. @throws TemplateInvalid, TemplateTooLong */
export function fillTemplate(template: Template[], data: object, globals: object, escaping: Escaping): string {
  try {
    return String(engineFor(escaping).renderSync(template, data, { globals }))
  } catch (error) {
    throw asDefined(error)
  }
}

function engineFor(escaping: Escaping): Engine {
  const known = engines.get(escaping)
  if (known) return known
  // Loaded when the first template is filled in: most processes start without one.
  const { Liquid } = createRequire(import.meta.url)('liquidjs') as typeof import('liquidjs')
  const engine = new Liquid({
    templates: {},
    ownPropertyOnly: true,
    strictFilters: true,
    parseLimit: longestSource,
    renderLimit: longestTime,
    memoryLimit: longestOutput,
    timezoneOffset: 0,
    ...(escaping === 'html' && { outputEscape }),
  })
  for (const tag of refusedTags) delete engine.tags[tag]
  // `raw` keeps markup, and nothing else: what people typed is never trusted to run.
  engine.registerFilter('raw', { raw: true, handler: escaping === 'html' ? (value: unknown) => sanitiseHtml(textOf(value)) : textOf })
  for (const [name, filter] of Object.entries(templateFilters)) engine.registerFilter(name, filter as FilterImplOptions)
  boundOutput(engine)
  engines.set(escaping, engine)
  return engine
}

function outputEscape(value: unknown): string {
  return value instanceof TrustedHtml ? value.html : escapeHtml(textOf(value))
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (value instanceof TrustedHtml) return value.html
  if (Array.isArray(value)) return value.map(textOf).join('')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Counts what is written: the engine itself counts what filters make, not what a loop repeats. */
function boundOutput(engine: Engine): void {
  const { renderer } = engine
  const original = renderer.renderTemplates
  renderer.renderTemplates = (templates, ctx, emitter) => {
    const bounded: Emitter = {
      buffer: '',
      write(html: unknown) {
        const text = typeof html === 'string' ? html : textOf(html)
        ctx.memoryLimit.use(text.length)
        this.buffer += text
      },
    }
    return original.call(renderer, templates, ctx, emitter ?? bounded)
  }
}

interface EngineError {
  message: string
  token?: { getPosition(): [line: number, column: number] }
}

function asDefined(error: unknown): Error {
  const { message, token } = error as EngineError
  if (/render limit exceeded/.test(message)) return new TemplateTooLong({ what: 'time' }, { cause: error })
  if (/memory alloc limit exceeded|invalid (array|string) length/i.test(message))
    return new TemplateTooLong({ what: 'output' }, { cause: error })
  if (/parse length limit exceeded/.test(message)) return new TemplateTooLong({ what: 'source' }, { cause: error })
  const reason = (message.split('\n')[0] ?? '').replace(/, (file:.*)?line:\d+, col:\d+$/, '').slice(0, 300)
  return new TemplateInvalid({ line: token?.getPosition()[0] ?? 0, reason }, { cause: error })
}
