import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find, load } from '#kernel/documents/load.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { Limit } from './budget.ts'
import { ModelUnknown } from './errors.ts'
import type { ModelConnection, ProviderName } from './model.ts'

/** Which model is asked, for how much, and what to do without it. */
export interface Choice {
  readonly connection: ModelConnection
  /** Of a million tokens. */
  readonly inputPrice: Decimal
  readonly outputPrice: Decimal
  /** The site's first. */
  readonly limits: readonly Limit[]
  /** Whether the offline rules answer when the model is down or the budget is spent. */
  readonly fallsBack: boolean
}

/**
 * The model of an organization where it has one of its own, else the site's, else the offline rules. A model without its key is an error:
 * the key of another is never taken instead. Remembered until a setting changes.
 * @throws ModelUnknown
 */
export async function chooseModel(site: Site, organization: string | undefined): Promise<Choice> {
  const key = `language-models:choice:${organization ?? ''}`
  const known = site.cache.config.get(key) as Choice | undefined
  if (known) return known
  const epoch = site.epoch.config
  const choice = await site.asSystem('choose a language model', (ctx) => read(ctx, organization))
  if (site.epoch.config === epoch) site.cache.config.set(key, choice)
  return choice
}

/** The same limits without a model. */
export function offlineChoice(choice: Choice): Choice {
  return { ...choice, connection: offlineConnection, inputPrice: Decimal.zero, outputPrice: Decimal.zero }
}

const offlineConnection: ModelConnection = { name: 'offline', provider: 'offline', model: 'offline', baseUrl: '', apiKey: '' }

async function read(ctx: Context, organization: string | undefined): Promise<Choice> {
  const settings = await load(ctx, await ctx.site.meta.get('Language Model Settings'), 'Language Model Settings')
  const budget = organization ? await find(ctx, await ctx.site.meta.get('Language Model Budget'), organization) : undefined
  const limits = [limitOf('site', settings), ...(organization ? [limitOf(`org:${organization}`, budget)] : [])]
  const name = String(budget?.model || settings.default_model || '')
  const fallsBack = Boolean(settings.fall_back_offline)
  if (name === '') return { connection: offlineConnection, inputPrice: Decimal.zero, outputPrice: Decimal.zero, limits, fallsBack }
  const model = await find(ctx, await ctx.site.meta.get('Language Model'), name)
  if (!model?.enabled) throw new ModelUnknown({ model: name })
  return {
    connection: {
      name,
      provider: model.provider as ProviderName,
      model: String(model.model ?? ''),
      baseUrl: String(model.base_url ?? '').replace(/\/+$/, ''),
      apiKey: (await getSecret(ctx, 'Language Model', name, 'api_key')) ?? '',
    },
    inputPrice: moneyOf(model.input_price),
    outputPrice: moneyOf(model.output_price),
    limits,
    fallsBack,
  }
}

function limitOf(scope: string, document: AnyDocument | undefined): Limit {
  const nanos = moneyOf(document?.daily_cost).times(1_000_000_000).toNumber()
  return {
    scope: scope.slice(0, 140),
    tokens: Number(document?.daily_tokens ?? 0),
    nanos: Math.min(Math.floor(nanos), Number.MAX_SAFE_INTEGER),
  }
}

function moneyOf(value: unknown): Decimal {
  return value === null || value === undefined || value === '' ? Decimal.zero : Decimal.from(String(value))
}
