import type { Site } from '#kernel/sites/site.ts'

/** JSON Schema, as far as every provider knows it: type, properties, required, enum, items, additionalProperties, bounds. */
export type JsonSchema = { readonly [key: string]: unknown }

export interface ModelMessage {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

/** What a driver is asked. */
export interface ModelRequest {
  readonly system: string
  /** At least one; the last is the user's. */
  readonly messages: readonly ModelMessage[]
  /** Tokens that the answer may have. */
  readonly maxTokens: number
  /** 0–1. */
  readonly temperature: number
  /** The answer is JSON that fits it. */
  readonly schema: JsonSchema | undefined
}

export interface ModelReply {
  readonly text: string
  readonly inputTokens: number
  readonly outputTokens: number
  /** `length`: it was cut off; `refused`: the model does not want to. */
  readonly finish: 'done' | 'length' | 'refused'
}

/** Where a model is, as configured. */
export interface ModelConnection {
  /** Name of the Language Model document; `offline` where there is none. */
  readonly name: string
  readonly provider: ProviderName
  /** Its name at the provider. */
  readonly model: string
  /** Without a slash at the end; empty: the provider's own. */
  readonly baseUrl: string
  readonly apiKey: string
}

export type ProviderName = 'openai' | 'anthropic' | 'openai-compatible' | 'offline'

/** Asks one provider once; throws what `demandSuccess` and the network throw. */
export type ModelDriver = (site: Site, connection: ModelConnection, request: ModelRequest, call: DriverCall) => Promise<ModelReply>

export interface DriverCall {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** Sent where the provider knows idempotency keys. */
  readonly key: string
}
