import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import { closeCircuit, readCircuits } from '#kernel/external/circuit.ts'
import { defineMethod, guests, roles } from '#kernel/methods/method.ts'
import { languageModelService } from '#kernel/language-models/ask.ts'
import { spentOnDay } from '#kernel/language-models/budget.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import { nowText } from '#kernel/context/time.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { healthOf, isUp } from './health.ts'

const settingsChanged: DocumentListener = (ctx) => bumpEpoch(ctx, 'config')

/** What is known of services outside, for monitors and for operators. */
export const externalPart: AppPart = {
  services: [languageModelService],
  events: {
    'Language Model Settings': { on_change: settingsChanged },
    'Language Model Budget': { on_change: settingsChanged, after_delete: settingsChanged },
  },
  methods: [
    defineMethod({
      path: 'dartwing_company.api.v1.health.check',
      summary: 'Whether the site works: up or down for anybody, with services outside, circuits and times for System Managers.',
      verbs: ['GET'],
      input: Type.Object({}),
      rule: guests,
      // What is down, and why, would tell a stranger where to push.
      handler: async (ctx) =>
        ctx.user.unrestricted || ctx.user.roles.has('System Manager') ? healthOf(ctx) : { status: (await isUp(ctx)) ? 'up' : 'down' },
    }),
    defineMethod({
      path: 'dartwing_company.api.v1.health.circuits',
      summary: 'The circuits of services outside that ever had a failure.',
      verbs: ['GET'],
      input: Type.Object({}),
      rule: roles('System Manager'),
      handler: (ctx) => readCircuits(ctx.site),
    }),
    defineMethod({
      path: 'dartwing_company.api.v1.health.close_circuit',
      summary: 'Has a service called again at once, at the word of a person who knows that it is back.',
      verbs: ['POST'],
      input: Type.Object({ service: Type.String({ minLength: 1, maxLength: 140 }) }),
      rule: roles('System Manager'),
      handler: async (ctx, { service }) => ({ closed: await closeCircuit(ctx.site, service) }),
    }),
    defineMethod({
      path: 'orchestrator.language_models.spent_today',
      summary: 'Tokens and money that were spent on language models today, or put aside, by site and organization.',
      verbs: ['GET'],
      input: Type.Object({}),
      rule: roles('System Manager'),
      handler: async (ctx) => {
        const day = utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)
        const spent = await spentOnDay(ctx.site, day)
        return { day, spent: spent.map(({ scope, tokens, nanos }) => ({ scope, tokens, cost: nanos / 1_000_000_000 })) }
      },
    }),
  ],
}
