import { Type } from 'typebox'
import { recordAudit } from '#kernel/audit/audit.ts'
import { sql } from '#kernel/database/sql.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { accountFor } from '#kernel/identity/accounts.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { NotYourAccount } from '#kernel/identity/errors.ts'
import { randomToken } from '#kernel/identity/keyed-hash.ts'
import { makeToken } from '#kernel/identity/one-time-tokens.ts'
import { setSecret } from '#kernel/identity/secrets.ts'
import { announceSessionEnd } from '#kernel/identity/session-cookies.ts'
import { confirmPassword } from '#kernel/identity/sign-in.ts'
import { defineMethod, guests, type Method, roles, signedIn } from '#kernel/methods/method.ts'
import { revokeTokensOf } from '#kernel/oauth/tokens.ts'
import { SignInSettingsInvalid } from '#kernel/sign-in/errors.ts'
import { listLinks, removeLink } from '#kernel/sign-in/links.ts'
import { oidcProvider, signInWays } from '#kernel/sign-in/providers.ts'
import { samlProvider } from '#kernel/sign-in/saml-provider.ts'
import { signOutEverywhere } from '#kernel/sign-in/sign-out.ts'

const password = Type.Optional(Type.String({ description: 'The current password; needed when signed in with a session.' }))
const linkMs = 10 * 60_000

/** Signing in with others, and programs that act for people. */
export const signInMethods: readonly Method[] = [
  defineMethod({
    path: 'orchestrator.sign_in.providers',
    summary: 'The providers that people may sign in with: name, icon, and the path that begins it (with redirect-to, a path of this site).',
    verbs: ['GET', 'POST'],
    input: Type.Object({}),
    rule: guests,
    handler: (ctx) => signInWays(ctx),
  }),
  defineMethod({
    path: 'orchestrator.sign_in.links',
    summary: "One's accounts at providers that lead to one's account here. Times are UTC.",
    verbs: ['GET', 'POST'],
    input: Type.Object({}),
    rule: signedIn,
    handler: async (ctx) => listLinks(ctx, await accountFor(ctx, undefined)),
  }),
  defineMethod({
    path: 'orchestrator.sign_in.begin_link',
    summary: 'Begins to link an account at a provider: a path to open in this browser within ten minutes.',
    verbs: ['POST'],
    input: Type.Object({
      kind: Type.Union([Type.Literal('oidc'), Type.Literal('saml')]),
      provider: Type.String({ minLength: 1, maxLength: 140 }),
      password,
    }),
    rule: signedIn,
    handler: async (ctx, { kind, provider, password: given }) => {
      const user = await accountFor(ctx, undefined)
      const session = sessionIdOf(ctx.user)
      if (!session) throw new NotYourAccount({})
      await confirmPassword(ctx, given)
      await (kind === 'saml' ? samlProvider : oidcProvider)(ctx, provider)
      const token = await makeToken(ctx, 'sign-in-link', user, linkMs, { data: session })
      return { url: `/api/method/orchestrator.sign_in.start?kind=${kind}&provider=${encodeURIComponent(provider)}&link=${token}` }
    },
  }),
  defineMethod({
    path: 'orchestrator.sign_in.unlink',
    summary: 'Takes a link away; signing in by it works no more.',
    verbs: ['POST', 'DELETE'],
    input: Type.Object({ id: Type.String({ minLength: 1, maxLength: 140 }), password }),
    rule: signedIn,
    handler: async (ctx, input) => {
      const user = await accountFor(ctx, undefined)
      await confirmPassword(ctx, input.password)
      const removed = await removeLink(ctx, user, input.id)
      if (removed) await recordAudit(ctx, { action: 'unlink-identity', doctype: 'User', name: user })
      return { removed: removed ? 1 : 0 }
    },
  }),
  defineMethod({
    path: 'orchestrator.sign_in.logout',
    summary: 'Ends the session in use, and says where to go to end it at the provider too (redirect_to).',
    verbs: ['POST'],
    input: Type.Object({}),
    rule: guests,
    handler: async (ctx) => {
      const place = await signOutEverywhere(ctx)
      announceSessionEnd(ctx)
      return { redirect_to: place }
    },
  }),
  defineMethod({
    path: 'orchestrator.oauth.apps',
    summary: 'The programs that may act for one, with their scopes.',
    verbs: ['GET', 'POST'],
    input: Type.Object({}),
    rule: signedIn,
    handler: async (ctx) => {
      const user = await accountFor(ctx, undefined)
      return ctx.db.query(
        ctx.db.dialect.compile(sql`select t.client as client, c.app_name as app_name, t.scopes as scopes, max(t.creation) as last_token
          from ${sql.id('tabOAuth Bearer Token')} t join ${sql.id('tabOAuth Client')} c on c.name = t.client
          where t.${sql.id('user')} = ${user} and t.status = ${'Active'} group by t.client, c.app_name, t.scopes order by c.app_name, t.client`),
      )
    },
  }),
  defineMethod({
    path: 'orchestrator.oauth.revoke_app',
    summary: 'Takes from a program all that one allowed it, in every process.',
    verbs: ['POST', 'DELETE'],
    input: Type.Object({ client: Type.String({ minLength: 1, maxLength: 140 }) }),
    rule: signedIn,
    handler: async (ctx, { client }) => {
      const user = await accountFor(ctx, undefined)
      const revoked = await revokeTokensOf(ctx, { user, client })
      await recordAudit(ctx, { action: 'revoke-tokens', doctype: 'User', name: user, changes: { client } })
      return { revoked }
    },
  }),
  defineMethod({
    path: 'orchestrator.oauth.renew_client_secret',
    summary: 'Makes a new secret for an OAuth Client, shown this once; the old one ends.',
    verbs: ['POST'],
    input: Type.Object({ client: Type.String({ minLength: 1, maxLength: 140 }), password }),
    rule: roles('System Manager'),
    handler: async (ctx, input) => {
      // Keys that were given only part of their user's rights make no secrets.
      await accountFor(ctx, undefined)
      await confirmPassword(ctx, input.password)
      const client = await getDocument(ctx, 'OAuth Client', input.client)
      if (client.token_endpoint_auth_method === 'None')
        throw new SignInSettingsInvalid({ field: 'client', reason: 'a program on people’s own devices has no secret.' })
      const secret = randomToken()
      await setSecret(ctx, 'OAuth Client', client.name, 'client_secret', secret)
      await recordAudit(ctx, { action: 'renew-client-secret', doctype: 'OAuth Client', name: client.name })
      return { client_id: client.name, client_secret: secret }
    },
  }),
]
