import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import { defineMethod, signedIn } from '#kernel/methods/method.ts'
import { FlagUnknown } from '../errors.ts'
import { answers, flagsCache, isEnabled } from './is-enabled.ts'

const organization = Type.Optional(Type.String({ maxLength: 140 }))

const featureFlags = defineMethod({
  path: 'orchestrator.company.feature_flags',
  summary: 'Which features are on for the caller: true or false by name. `organization` asks for one of the caller’s organizations.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ organization }),
  rule: signedIn,
  handler: async (ctx, given) => Object.fromEntries([...(await answers(ctx, given.organization))].map(([name, { on }]) => [name, on])),
})

const featureEnabled = defineMethod({
  path: 'orchestrator.company.is_feature_enabled',
  summary: 'Whether one feature is on for the caller; one that nobody declared is off.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ flag: Type.String({ minLength: 1, maxLength: 140 }), organization }),
  rule: signedIn,
  handler: (ctx, given) => isEnabled(ctx, given.flag, given.organization),
})

const explainFeature = defineMethod({
  path: 'orchestrator.company.explain_feature',
  summary: 'Whether a feature is on for the caller, and which rule says so.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ flag: Type.String({ minLength: 1, maxLength: 140 }), organization }),
  rule: { kind: 'permission', action: 'read', doctype: 'Feature Flag' },
  handler: async (ctx, given) => {
    const answer = (await answers(ctx, given.organization)).get(given.flag)
    if (!answer) throw new FlagUnknown({ flag: given.flag, field: 'flag' })
    return answer
  },
})

/** Features that are not on for everybody. */
export const featuresPart: AppPart = {
  methods: [featureFlags, featureEnabled, explainFeature],
  caches: [flagsCache],
}
