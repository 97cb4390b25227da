import { and, where } from '#client/rules/predicate.ts'
import { defineAdapter, type ExternalRecord, type PulledPage } from '#kernel/adapters/adapter.ts'
import { adapterWebhook } from '#kernel/adapters/webhook.ts'
import { defineApp } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { ServiceInputRefused, ServiceTransient } from '#kernel/external/errors.ts'
import { demandSuccess } from '#kernel/external/outcome.ts'
import { safeFetch } from '#kernel/external/safe-fetch.ts'
import { defineService } from '#kernel/external/service.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { defineReconciliation } from '#kernel/reconciliation/reconciliation.ts'
import { defineSaga, type Saga, type SagaCall, type SagaState, type StepDeclaration } from '#kernel/saga/saga.ts'
import { verifyStandard } from '#kernel/webhooks/verify.ts'

/** The other side of a saga, as a test plays it; throws what the other side refuses. */
export type OtherSide = (verb: 'do' | 'undo', step: string, key: string, isUnsure: boolean) => Promise<void>

/** By the name that a saga's input gives as `side`; one that begins with http is called there. */
export const otherSides = new Map<string, OtherSide>()

async function tell(ctx: Context, state: SagaState, verb: 'do' | 'undo', step: string, call: SagaCall, isUnsure = false): Promise<void> {
  const side = String(state.input.side)
  const key = verb === 'do' ? call.idempotencyKey : call.idempotencyKey.replace(/:undo$/, '')
  if (!side.startsWith('http')) return otherSides.get(side)?.(verb, step, key, isUnsure)
  const url = `${side}/${verb}/${step}?key=${encodeURIComponent(key)}`
  const { status } = await safeFetch(ctx.site, url, { method: 'POST', signal: call.signal, timeoutMs: 60_000 })
  const facts = { service: 'travel', operation: step, http: status }
  if (status >= 500) throw new ServiceTransient({ ...facts, reason: `status ${status}` })
  if (status >= 400) throw new ServiceInputRefused(facts)
}

const quick = { retry: { attempts: 3, firstMs: 1, mostMs: 5 }, undoRetry: { attempts: 5, firstMs: 1, mostMs: 5 } }

/** Books something elsewhere. */
function booking(name: string, more: Partial<StepDeclaration> = {}): StepDeclaration {
  return {
    name,
    action: async (ctx, state, call) => {
      await tell(ctx, state, 'do', name, call)
      return { booked: name, as: ctx.user.name }
    },
    compensate: (ctx, state, undo) => tell(ctx, state, 'undo', name, undo, undo.isUnsure),
    ...quick,
    ...more,
  }
}

/** Writes a ToDo here; fails where the other side says so, after it has written. */
function note(name: string): StepDeclaration {
  return {
    name,
    isLocal: true,
    action: async (ctx, state, call) => {
      const { name: todo } = await insert(ctx, 'ToDo', { description: `${state.saga} ${name}` })
      await otherSides.get(String(state.input.side))?.('do', name, call.idempotencyKey, false)
      return todo
    },
    compensate: async (ctx, state) => {
      const rows = await findRows(ctx, await ctx.site.meta.get('ToDo'), where('description', '=', `${state.saga} ${name}`))
      for (const row of rows) await remove(ctx, 'ToDo', row.name)
    },
    ...quick,
  }
}

/** Cannot be taken back. */
function letter(name: string): StepDeclaration {
  const { compensate: _, ...step } = booking(name)
  return { ...step, cannotBeUndone: 'a letter that was sent' }
}

/** Every sequence of up to four steps of three kinds: `shape-` and a letter for each. */
function shapes(): Saga[] {
  const kinds = { b: booking, n: note, l: letter }
  let words = ['']
  const made: Saga[] = []
  for (let length = 1; length <= 4; length++) {
    words = words.flatMap((word) => Object.keys(kinds).map((kind) => word + kind))
    for (const word of words) {
      const steps = [...word].map((kind, index) => kinds[kind as keyof typeof kinds](`${kind}${index}`))
      made.push(defineSaga({ name: `shape-${word}`, steps }))
    }
  }
  return made
}

/** What the planted reconciliation meets; a test sets it. */
export const weather: { fails: boolean; stubborn: string } = { fails: false, stubborn: '' }

/** ToDos that begin with "drift" should be closed. */
const drift = defineReconciliation({
  name: 'drift',
  title: 'Drifting notes',
  alertAbove: 2,
  healAtMost: 4,
  check: async (ctx, { after }) => {
    if (weather.fails) throw new Error('the check itself fails')
    const drifting = and(where('description', 'like', 'drift%'), where('status', '=', 'Open'), where('name', '>', after))
    const rows = await findRows(ctx, await ctx.site.meta.get('ToDo'), drifting, { fields: ['name'], limit: 2 })
    const discrepancies = rows.map(({ name }) => ({ kind: 'adrift', doctype: 'ToDo', name }))
    return { checked: rows.length, discrepancies, ...(rows.length === 2 && { next: rows[1]?.name as string }) }
  },
  heal: async (ctx, { name = '' }) => {
    await setValue(ctx, 'ToDo', name, { status: 'Closed' })
    if (name === weather.stubborn) throw new Error('it does not want to')
    return 'healed'
  },
})

/** One that is about an organization. */
const byOrganization = defineReconciliation({
  name: 'by_organization',
  title: 'Nothing much',
  isPerOrganization: true,
  check: async (_ctx, { organization }) => ({ checked: organization === undefined ? 2 : 1, discrepancies: [] }),
})

interface LodgeRecord {
  id: string
  name: string
  mail?: string
  tel?: string
  stars?: number
  at: string
  kind?: string
}

const directory = defineService({
  name: 'directory',
  degraded: 'Lodges are as of yesterday.',
  retry: { attempts: 2, firstMs: 5, mostMs: 1000 },
})

/** Lodges of a directory elsewhere; who wins is part of the name, so that a test can have each. */
const lodges = (['theirs', 'ours', 'newest', 'manual'] as const).map((conflict) =>
  defineAdapter({
    name: `lodges-${conflict}`,
    title: 'Lodges',
    doctype: 'Lodge',
    service: directory,
    conflict,
    matchBy: ['email'],
    findsVanished: conflict === 'theirs',
    onDeleted: () => ({ is_closed: 1 }),
    pull: async (ctx, connection, { cursor, since, signal }) => {
      const url = `${connection.address}?cursor=${cursor}&since=${encodeURIComponent(since)}`
      const headers = { authorization: `Bearer ${await connection.secret()}` }
      const answer = await safeFetch(ctx.site, url, { headers, signal })
      demandSuccess(answer, { service: directory.name, operation: 'pull' }, ctx.clock.now())
      return JSON.parse(Buffer.from(answer.body).toString('utf8')) as PulledPage
    },
    id: (record) => String(record.id ?? ''),
    version: (record) => String(record.at ?? ''),
    transform: (_ctx, record) => {
      const { name, mail, tel, stars, kind } = record as unknown as LodgeRecord
      return kind === 'tent'
        ? undefined
        : { title: name, email: mail ?? null, phone: tel ?? null, stars: stars ?? 0, organization: 'South' }
    },
    validate: ({ stars }) => (Number(stars) > 5 ? 'Nobody has more than five stars.' : undefined),
  }),
)

/** The app of the exams of sagas and reconciliations. */
export default defineApp({
  name: 'travel',
  title: 'Travel',
  version: '1.0.0',
  adapters: lodges,
  services: [directory],
  ...adapterWebhook(lodges[0] as (typeof lodges)[number], {
    verify: verifyStandard,
    read: ({ json }) => json as { records: ExternalRecord[]; deleted?: string[] },
  }),
  reconciliations: [drift, byOrganization],
  sagas: [
    ...shapes(),
    defineSaga({ name: 'trip', steps: [note('trip'), note('traveller'), booking('flight'), booking('hotel'), note('itinerary')] }),
    defineSaga({ name: 'slow', steps: [booking('wait', { timeoutMs: 50, retry: { attempts: 2, firstMs: 1, mostMs: 1 } })] }),
    defineSaga({
      name: 'patient',
      steps: [booking('first'), booking('later', { retry: { attempts: 9, firstMs: 60_000, mostMs: 60_000 } })],
    }),
    defineSaga({ name: 'elevated', asSystem: 'the exam asks', steps: [{ ...note('elevated') }] }),
    defineSaga({
      name: 'writes-before-it-calls',
      steps: [
        booking('first'),
        {
          name: 'wrong',
          action: async (ctx) => {
            await insert(ctx, 'ToDo', { description: 'must not stay' })
            throw new Error('after it has written')
          },
          cannotBeUndone: 'it never was',
          retry: { attempts: 1 },
        },
      ],
    }),
  ],
})
