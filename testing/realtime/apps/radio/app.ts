import { defineApp } from '#kernel/apps/app.ts'
import { can } from '#kernel/permissions/grants.ts'
import { exists, load } from '#kernel/documents/load.ts'

/** Calls of organisations that share a site, and a room per organisation. */
export default defineApp({
  name: 'radio',
  title: 'Radio',
  version: '0.1.0',
  requires: ['company'],
  roles: ['Radio Operator', 'Radio Visitor'],
  rooms: {
    dispatch: async (ctx, organization) =>
      (await exists(ctx, 'Organization', organization)) &&
      can(ctx, 'select', 'Organization', await load(ctx, await ctx.site.meta.get('Organization'), organization)),
  },
})
