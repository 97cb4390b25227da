import type { RoomRule } from '#kernel/realtime/event.ts'
import { defineApp } from '#kernel/apps/app.ts'
import { can } from '#kernel/permissions/grants.ts'
import { exists, load } from '#kernel/documents/load.ts'

/** An organisation that one may select is one whose rooms one may be in. */
const ofOrganization: RoomRule = async (ctx, organization) =>
  (await exists(ctx, 'Organization', organization)) &&
  can(ctx, 'select', 'Organization', await load(ctx, await ctx.site.meta.get('Organization'), organization))

/** A call that one may read is one whose conversation one may follow. */
const ofCall: RoomRule = async (ctx, name) =>
  (await exists(ctx, 'Radio Call', name)) && can(ctx, 'read', 'Radio Call', await load(ctx, await ctx.site.meta.get('Radio Call'), name))

/** Calls of organisations that share a site, and rooms per organisation and per call. */
export default defineApp({
  name: 'radio',
  title: 'Radio',
  version: '0.1.0',
  requires: ['company'],
  roles: ['Radio Operator', 'Radio Visitor'],
  rooms: { dispatch: ofOrganization },
  parts: [
    {
      rooms: {
        conversation: ofCall,
        inbox: (ctx, user) => ctx.user.name === user,
        // `sync:radio_call:North`
        sync: (ctx, key) => key.startsWith('radio_call:') && ofOrganization(ctx, key.slice('radio_call:'.length)),
      },
    },
  ],
})
