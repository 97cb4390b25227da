import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { settingsCache, waysOf } from './organization-settings.ts'

const organizationSettings = defineMethod({
  path: 'orchestrator.company.get_organization_settings',
  summary: 'How an organization works: language, zone, formats, currency, look; the site’s ways where it has none of its own.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ organization: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: checkedPerDocument('only members of the organization are answered'),
  handler: async (ctx, { organization }) => (await waysOf(ctx, organization)) ?? null,
})

/** What each organization does its own way. */
export const settingsPart: AppPart = { methods: [organizationSettings], caches: [settingsCache] }
