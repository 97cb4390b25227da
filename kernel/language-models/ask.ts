import { Decimal } from '#client/rules/decimal.ts'
import { AppError } from '#client/rules/errors.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { insert } from '#kernel/documents/save.ts'
import { callService, isOutage } from '#kernel/external/call-service.ts'
import { CalledWhileWriting, ServiceTimedOut } from '#kernel/external/errors.ts'
import { defineService } from '#kernel/external/service.ts'
import { type Amount, putAside, settle } from './budget.ts'
import { type Choice, chooseModel, offlineChoice } from './choose.ts'
import { drivers } from './drivers.ts'
import { AnswerUnusable, BudgetSpent, QuestionInvalid } from './errors.ts'
import type { JsonSchema, ModelMessage, ModelReply, ModelRequest } from './model.ts'
import { redaction } from './redact.ts'

/** A question to the site's language model. */
export interface Question {
  /** What it is for, such as `ticket.classify`: appears in the usage, and never leaves the house. */
  readonly purpose: string
  readonly system?: string
  /** The question itself, or a conversation whose last message is the user's. */
  readonly prompt: string | readonly ModelMessage[]
  /** The answer is to be JSON that fits it. */
  readonly schema?: JsonSchema
  /** Tokens that the answer may have, 1–8000; default 1000. */
  readonly maxTokens?: number
  /** 0–1; default 0. */
  readonly temperature?: number
  /** Whose budget, and whose choice of model. */
  readonly organization?: string
  /** Names of people and things that must not leave the house. */
  readonly names?: readonly string[]
  /** Sends the texts as they are. For what is public anyway. */
  readonly unredacted?: boolean
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly text: string
  /** The answer read as JSON; undefined where no schema was given. */
  readonly data: unknown
  /** It was made by rules, not by a model. */
  readonly offline: boolean
  /** Name of the Language Model document; `offline` for the rules. */
  readonly model: string
  /** It ends where the tokens ended. */
  readonly isCut: boolean
  readonly inputTokens: number
  readonly outputTokens: number
  /** In the currency of the prices. */
  readonly cost: Decimal
}

/** One attempt may take a minute: long answers do. */
export const languageModelService = defineService({
  name: 'language-model',
  degraded: 'Suggestions are missing, or come from simple rules and say so.',
  timeoutMs: 60_000,
  retry: { attempts: 2, firstMs: 1000, mostMs: 10_000 },
})

const longestQuestion = 400_000

/**
 * Asks the language model of the site, or of an organization. What identifies people is replaced before it leaves the house and put back
 * in the answer. The most it can cost is put aside first; when the budget would not bear it, nothing is asked. JSON that does not fit is
 * sent back once.
 * @throws CalledWhileWriting, QuestionInvalid, BudgetSpent, ModelUnknown, AnswerUnusable, OfflineCannot, and what `callService` throws
 */
export async function askModel(ctx: Context, question: Question): Promise<Answer> {
  // Also for the rules that call nobody: otherwise code would work until a model is configured.
  if (ctx.db.isWriting) throw new CalledWhileWriting({ service: languageModelService.name, operation: question.purpose })
  const request = requestOf(question)
  const choice = await chooseModel(ctx.site, question.organization)
  if (choice.connection.provider === 'offline') return ask(ctx, question, request, choice)
  try {
    return await ask(ctx, question, request, choice)
  } catch (error) {
    if (!choice.fallsBack || !(isOutage(error) || BudgetSpent.is(error))) throw error
    ctx.site.log.warn({ err: error, purpose: question.purpose }, 'the offline rules answer for the language model')
    return ask(ctx, question, request, offlineChoice(choice))
  }
}

function requestOf(question: Question): ModelRequest {
  const refuse = (field: string, reason: string): never => {
    throw new QuestionInvalid({ field, reason })
  }
  const { prompt, purpose, system = '', maxTokens = 1000, temperature = 0, schema } = question
  const messages = typeof prompt === 'string' ? [{ role: 'user' as const, content: prompt }] : prompt
  if (!/^[\w.-]{1,140}$/.test(purpose)) refuse('purpose', 'its purpose must be letters, digits, dots and hyphens.')
  if (messages.at(-1)?.role !== 'user' || messages.some(({ content }) => content.trim() === '')) refuse('prompt', 'it says nothing.')
  const length = messages.reduce((sum, { content }) => sum + content.length, system.length)
  if (length > longestQuestion) refuse('prompt', `it is longer than ${longestQuestion} characters.`)
  if (!Number.isInteger(maxTokens) || maxTokens < 1 || maxTokens > 8000) refuse('maxTokens', 'the answer must have from 1 to 8000 tokens.')
  if (!(temperature >= 0 && temperature <= 1)) refuse('temperature', 'the temperature must be from 0 to 1.')
  return { system, messages, maxTokens, temperature, schema }
}

async function ask(ctx: Context, question: Question, plain: ModelRequest, choice: Choice): Promise<Answer> {
  const isOffline = choice.connection.provider === 'offline'
  const texts = [plain.system, ...plain.messages.map(({ content }) => content)]
  const hidden = isOffline || question.unredacted ? undefined : redaction(question.names ?? [], texts)
  const request: ModelRequest = hidden
    ? {
        ...plain,
        system: hidden.redact(plain.system),
        messages: plain.messages.map((one) => ({ ...one, content: hidden.redact(one.content) })),
      }
    : plain
  const first = await askOnce(ctx, question, request, choice)
  const replies = [first]
  let data: unknown
  if (plain.schema) {
    let read = await readAnswer(plain.schema, first.text)
    if ('complaint' in read && first.finish === 'done' && !isOffline) {
      const repair = await askOnce(ctx, question, repairOf(request, first.text, read.complaint), choice)
      replies.push(repair)
      read = await readAnswer(plain.schema, repair.text)
    }
    if ('complaint' in read) throw new AnswerUnusable({ model: choice.connection.name, reason: read.complaint })
    data = hidden ? hidden.restoreAll(read.data) : read.data
  }
  const last = replies.at(-1) as ModelReply
  if (last.finish === 'refused') throw new AnswerUnusable({ model: choice.connection.name, reason: 'the model does not want to answer.' })
  const [inputTokens, outputTokens] = [sum(replies, 'inputTokens'), sum(replies, 'outputTokens')]
  return {
    text: hidden ? hidden.restore(last.text) : last.text,
    data,
    offline: isOffline,
    model: choice.connection.name,
    isCut: last.finish === 'length',
    inputTokens,
    outputTokens,
    cost: asMoney(nanosOf(choice, inputTokens, outputTokens)),
  }
}

function sum(replies: readonly ModelReply[], key: 'inputTokens' | 'outputTokens'): number {
  return replies.reduce((total, reply) => total + reply[key], 0)
}

/** Asks within the budget, and writes down who asked for what and for how much. */
async function askOnce(
  ctx: Context,
  { purpose, organization, signal }: Question,
  request: ModelRequest,
  choice: Choice,
): Promise<ModelReply> {
  const { connection, limits } = choice
  const driver = drivers[connection.provider]
  const started = performance.now()
  const day = utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)
  const aside = connection.provider === 'offline' ? { tokens: 0, nanos: 0 } : mostFor(choice, request)
  const facts = { purpose, organization: organization ?? null, choice, started }
  if (connection.provider === 'offline') {
    const reply = await driver(ctx.site, connection, request, { signal: AbortSignal.timeout(1000), timeoutMs: 1000, key: '' })
    await record(ctx, { ...facts, outcome: 'ok', reply })
    return reply
  }
  await putAside(ctx.site, day, limits, aside)
  try {
    const reply = await callService(
      ctx,
      languageModelService,
      'ask',
      (inTime, { key }) => driver(ctx.site, connection, request, { signal: inTime, timeoutMs: languageModelService.timeoutMs, key }),
      { circuit: connection.name.slice(0, 69), ...(signal && { signal }) },
    )
    await settle(ctx.site, day, limits, aside, spentBy(choice, reply, aside))
    await record(ctx, { ...facts, outcome: 'ok', reply })
    return reply
  } catch (error) {
    // What was not answered in time may have been worked out, and charged, all the same.
    if (!ServiceTimedOut.is(error)) await settle(ctx.site, day, limits, aside, { tokens: 0, nanos: 0 })
    await record(ctx, { ...facts, outcome: error instanceof AppError ? error.code : 'failed', reply: undefined })
    throw error
  }
}

/** A token has three bytes at least in all but the oddest texts, and an answer is no longer than it may be. */
function mostFor(choice: Choice, request: ModelRequest): Amount {
  const texts = [request.system, JSON.stringify(request.schema ?? ''), ...request.messages.map(({ content }) => content)]
  const input = texts.reduce((total, text) => total + Math.ceil(Buffer.byteLength(text) / 3) + 10, 0)
  return { tokens: input + request.maxTokens, nanos: nanosOf(choice, input, request.maxTokens) }
}

/** A provider that does not say what it used is taken to have used all. */
function spentBy(choice: Choice, reply: ModelReply, aside: Amount): Amount {
  const { inputTokens, outputTokens } = reply
  if (inputTokens + outputTokens === 0) return aside
  return { tokens: inputTokens + outputTokens, nanos: nanosOf(choice, inputTokens, outputTokens) }
}

/** The price of a million tokens in units is that of one in millionths: a thousand times as many thousand-millionths. */
function nanosOf({ inputPrice, outputPrice }: Choice, input: number, output: number): number {
  const exact = inputPrice.times(input).plus(outputPrice.times(output)).times(1000)
  return Math.ceil(exact.toNumber())
}

function asMoney(nanos: number): Decimal {
  return Decimal.from(nanos).dividedBy(1_000_000_000, 9)
}

async function readAnswer(schema: JsonSchema, text: string): Promise<{ data: unknown } | { complaint: string }> {
  // Models like to wrap JSON as people do in chats.
  const bare = text.trim().replace(/^```(?:json)?\s*|\s*```$/g, '')
  let data: unknown
  try {
    data = JSON.parse(bare)
  } catch {
    return { complaint: 'it is no JSON.' }
  }
  // Loaded when the first answer is read: most processes ask nothing.
  const { Errors } = await import('typebox/schema')
  const [isFitting, errors] = Errors(schema, data) as [boolean, { instancePath?: string; message?: string }[]]
  if (isFitting) return { data }
  const words = errors.slice(0, 3).map(({ instancePath = '', message = 'does not fit' }) => `${instancePath || 'the whole'} ${message}`)
  return { complaint: `it does not fit the schema: ${words.join('; ')}.` }
}

function repairOf(request: ModelRequest, answer: string, complaint: string): ModelRequest {
  const messages: ModelMessage[] = [
    ...request.messages,
    { role: 'assistant', content: answer.slice(0, 20_000) || '(nothing)' },
    { role: 'user', content: `That cannot be used: ${complaint} Answer again with nothing but JSON that fits the schema.` },
  ]
  return { ...request, messages }
}

interface UsageFacts {
  readonly purpose: string
  readonly organization: string | null
  readonly choice: Choice
  readonly started: number
  readonly outcome: string
  readonly reply: ModelReply | undefined
}

/** In a unit of work of its own: what was spent stays spent, whatever becomes of the caller's work. */
async function record(ctx: Context, { purpose, organization, choice, started, outcome, reply }: UsageFacts): Promise<void> {
  const { connection } = choice
  const [input, output] = [reply?.inputTokens ?? 0, reply?.outputTokens ?? 0]
  await ctx.site.asSystem('record the use of a language model', (own) =>
    insert(own, 'Language Model Usage', {
      user: ctx.user.name,
      organization: organization ?? '',
      purpose,
      model: connection.name,
      provider: connection.provider,
      outcome,
      input_tokens: input,
      output_tokens: output,
      cost: asMoney(nanosOf(choice, input, output)).toString(),
      offline: connection.provider === 'offline' ? 1 : 0,
      milliseconds: Math.round(performance.now() - started),
    }),
  )
}
