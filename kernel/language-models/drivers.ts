import { ServiceNotAuthorised, ServiceTransient } from '#kernel/external/errors.ts'
import { demandSuccess } from '#kernel/external/outcome.ts'
import { safeFetch } from '#kernel/external/safe-fetch.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { DriverCall, ModelConnection, ModelDriver, ModelReply, ModelRequest, ProviderName } from './model.ts'
import { answerOffline } from './offline.ts'

const answerBytes = 4 * 1024 * 1024

/** Name of the tool through which Anthropic's models answer in JSON. */
const answerTool = 'answer'

/** How each provider is asked. */
export const drivers: Readonly<Record<ProviderName, ModelDriver>> = {
  openai: askOpenAi,
  'openai-compatible': askOpenAi,
  anthropic: askAnthropic,
  offline: async (_site, _connection, request) => answerOffline(request),
}

interface OpenAiAnswer {
  choices?: { message?: { content?: string | null; refusal?: string | null }; finish_reason?: string }[]
  usage?: { prompt_tokens?: number; completion_tokens?: number }
}

/** Chat completions, which OpenAI and most servers of open models speak. */
async function askOpenAi(site: Site, connection: ModelConnection, request: ModelRequest, call: DriverCall): Promise<ModelReply> {
  const { provider, model, apiKey } = connection
  // A server in the own house may need no key; OpenAI always does.
  if (apiKey === '' && provider === 'openai') throw noKey(connection)
  const body = {
    model,
    messages: [...(request.system ? [{ role: 'system', content: request.system }] : []), ...request.messages],
    // Its newer models refuse the old word, and other servers do not know the new one.
    ...(provider === 'openai'
      ? { max_completion_tokens: request.maxTokens }
      : { max_tokens: request.maxTokens, temperature: request.temperature }),
    ...(request.schema && {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: request.schema, strict: false } },
    }),
  }
  const base = connection.baseUrl || 'https://api.openai.com/v1'
  const answer = await post<OpenAiAnswer>(
    site,
    connection,
    `${base}/chat/completions`,
    { ...(apiKey && { authorization: `Bearer ${apiKey}` }) },
    body,
    call,
  )
  const choice = answer.choices?.[0]
  if (!choice?.message) throw unreadable(connection)
  const refusal = choice.message.refusal
  return {
    text: refusal ?? choice.message.content ?? '',
    inputTokens: countOf(answer.usage?.prompt_tokens),
    outputTokens: countOf(answer.usage?.completion_tokens),
    finish: refusal || choice.finish_reason === 'content_filter' ? 'refused' : choice.finish_reason === 'length' ? 'length' : 'done',
  }
}

interface AnthropicAnswer {
  content?: { type: string; text?: string; input?: unknown }[]
  stop_reason?: string
  usage?: { input_tokens?: number; output_tokens?: number }
}

/** Anthropic's messages; JSON comes as the input of a tool that must be used. */
async function askAnthropic(site: Site, connection: ModelConnection, request: ModelRequest, call: DriverCall): Promise<ModelReply> {
  if (connection.apiKey === '') throw noKey(connection)
  const body = {
    model: connection.model,
    max_tokens: request.maxTokens,
    temperature: request.temperature,
    ...(request.system && { system: request.system }),
    messages: request.messages,
    ...(request.schema && {
      tools: [{ name: answerTool, description: 'Gives the answer.', input_schema: request.schema }],
      tool_choice: { type: 'tool', name: answerTool },
    }),
  }
  const base = connection.baseUrl || 'https://api.anthropic.com'
  const headers = { 'x-api-key': connection.apiKey, 'anthropic-version': '2023-06-01' }
  const answer = await post<AnthropicAnswer>(site, connection, `${base}/v1/messages`, headers, body, call)
  if (!Array.isArray(answer.content)) throw unreadable(connection)
  const used = answer.content.find((part) => part.type === 'tool_use')
  const text = answer.content.map((part) => (part.type === 'text' ? (part.text ?? '') : '')).join('')
  return {
    text: used ? JSON.stringify(used.input ?? null) : text,
    inputTokens: countOf(answer.usage?.input_tokens),
    outputTokens: countOf(answer.usage?.output_tokens),
    finish: answer.stop_reason === 'max_tokens' ? 'length' : answer.stop_reason === 'refusal' ? 'refused' : 'done',
  }
}

async function post<T>(
  site: Site,
  connection: ModelConnection,
  url: string,
  headers: Record<string, string>,
  body: object,
  { signal, timeoutMs, key }: DriverCall,
): Promise<T> {
  const answer = await safeFetch(site, url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
    signal,
    timeoutMs,
    maxBytes: answerBytes,
    redirects: 0,
  })
  demandSuccess(answer, { service: connection.provider, operation: 'ask' }, site.clock.now())
  try {
    return JSON.parse(Buffer.from(answer.body).toString('utf8')) as T
  } catch (cause) {
    throw unreadable(connection, cause)
  }
}

function countOf(tokens: unknown): number {
  return typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens >= 0 ? tokens : 0
}

function noKey({ provider, name }: ModelConnection): Error {
  return new ServiceNotAuthorised({ service: provider, operation: 'ask', reason: `the Language Model ${name} has no key.` })
}

function unreadable({ provider }: ModelConnection, cause?: unknown): Error {
  return new ServiceTransient({ service: provider, operation: 'ask', reason: 'its answer is not in the agreed form' }, { cause })
}
