import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { forgetOldKeys } from '#kernel/oauth/keys.ts'
import { deleteOldTokens, revokeTokensOf } from '#kernel/oauth/tokens.ts'
import { forgetOldOutsideSessions, removeLinksOf, renameLinks } from '#kernel/sign-in/links.ts'
import { signInService } from '#kernel/sign-in/oidc-client.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { signInMethods } from './methods.ts'

const settingsChanged: DocumentListener = (ctx) => bumpEpoch(ctx, 'config')

const userGoes: DocumentListener = async (ctx, user) => {
  await revokeTokensOf(ctx, { user: String(user.name) })
  await removeLinksOf(ctx, String(user.name))
  for (const table of ['OAuth Bearer Token', 'OAuth Authorization Code'])
    await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${sql.id(`tab${table}`)} where ${sql.id('user')} = ${String(user.name)}`))
}

/** Signing in with accounts of other providers, and being such a provider for programs. */
export const signInPart: AppPart = {
  methods: signInMethods,
  services: [signInService],
  events: {
    'Social Login Key': { on_change: settingsChanged },
    'SAML Login Key': { on_change: settingsChanged },
    'OAuth Bearer Token': { after_delete: (ctx) => bumpEpoch(ctx, 'access') },
    User: {
      after_rename: (ctx, _user, extra) => renameLinks(ctx, String(extra?.old ?? ''), String(extra?.new ?? '')),
      on_trash: userGoes,
    },
  },
  jobs: {
    'tidy-sign-in': {
      queue: 'long',
      asSystem: 'tokens and keys that are over are removed',
      run: async (ctx: Context) => {
        await deleteOldTokens(ctx)
        await forgetOldKeys(ctx)
        await forgetOldOutsideSessions(ctx)
      },
    },
  },
  schedules: [{ every: 'daily', job: 'tidy-sign-in' }],
}
