import { Type } from 'typebox'
import { recordAudit } from '#kernel/audit/audit.ts'
import { verifyAudit } from '#kernel/audit/seal.ts'
import { instantOfText, textOfInstant } from '#kernel/context/time.ts'
import { parseDatetime } from '#client/rules/dates.ts'
import { insert } from '#kernel/documents/save.ts'
import { accountFor } from '#kernel/identity/accounts.ts'
import { createKey, listKeys, revokeKey } from '#kernel/identity/api-keys.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { confirmEmailChange, requestEmailChange } from '#kernel/identity/email-change.ts'
import { BadIdentityInput, NotYourAccount } from '#kernel/identity/errors.ts'
import { sendInvitation } from '#kernel/identity/password-change.ts'
import { endSession, endSessions, listSessions } from '#kernel/identity/sessions.ts'
import { confirmPassword } from '#kernel/identity/sign-in.ts'
import { beginTwoFactor, confirmTwoFactor, disableTwoFactor, newRecoveryCodes, twoFactorStatus } from '#kernel/identity/two-factor.ts'
import { findUser } from '#kernel/identity/users.ts'
import { checkedPerDocument, defineMethod, guests, type Method, roles, signedIn } from '#kernel/methods/method.ts'

const optionalText = Type.Optional(Type.String())
const user = Type.Optional(Type.String({ maxLength: 140, description: "Another user's account, for System Managers; absent: one's own." }))
const password = Type.Optional(Type.String({ description: 'The current password; needed when signed in with a session.' }))

const sessions = defineMethod({
  path: 'orchestrator.identity.sessions',
  summary: 'The sessions that are open: when, from where, on what. Times are UTC.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ user }),
  rule: signedIn,
  handler: async (ctx, input) => {
    const current = sessionIdOf(ctx.user)
    return (await listSessions(ctx, await accountFor(ctx, input.user))).map((session) => ({
      id: session.id,
      created: textOfInstant(session.created),
      last_seen: textOfInstant(session.lastSeen),
      expires: textOfInstant(session.expires),
      ip: session.ip,
      device: session.device,
      current: session.id === current,
    }))
  },
})

const revokeSession = defineMethod({
  path: 'orchestrator.identity.revoke_session',
  summary: 'Ends one session, in every process.',
  verbs: ['POST', 'DELETE'],
  input: Type.Object({ id: Type.String({ minLength: 1, maxLength: 140 }), user }),
  rule: signedIn,
  handler: async (ctx, input) => {
    const account = await accountFor(ctx, input.user)
    const ended = await endSession(ctx, account, input.id)
    if (ended) await recordAudit(ctx, { action: 'revoke-session', doctype: 'User', name: account })
    return { revoked: ended ? 1 : 0 }
  },
})

const revokeSessions = defineMethod({
  path: 'orchestrator.identity.revoke_sessions',
  summary: 'Ends every session but the one in use.',
  verbs: ['POST', 'DELETE'],
  input: Type.Object({ user }),
  rule: signedIn,
  handler: async (ctx, input) => {
    const account = await accountFor(ctx, input.user)
    const revoked = await endSessions(ctx, account, sessionIdOf(ctx.user) ?? '')
    if (revoked > 0) await recordAudit(ctx, { action: 'revoke-sessions', doctype: 'User', name: account })
    return { revoked }
  },
})

const keys = defineMethod({
  path: 'orchestrator.identity.keys',
  summary: 'The API keys of an account, without their secrets. Times are UTC.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ user }),
  rule: signedIn,
  handler: async (ctx, input) => listKeys(ctx, await accountFor(ctx, input.user)),
})

const createKeyMethod = defineMethod({
  path: 'orchestrator.identity.create_key',
  summary: 'Makes an API key with a label, and, as wished, scopes and an end. The secret is shown this once.',
  verbs: ['POST'],
  input: Type.Object({
    label: Type.String({ minLength: 1, maxLength: 140 }),
    scopes: Type.Optional(Type.Union([Type.Array(Type.String()), Type.String()])),
    expires_at: Type.Optional(Type.String({ description: 'A time with an offset, or UTC.' })),
    user,
    password,
  }),
  rule: signedIn,
  handler: async (ctx, input) => {
    const account = await accountFor(ctx, input.user)
    await confirmPassword(ctx, input.password)
    const expiresAt = input.expires_at ? momentOf(input.expires_at, 'expires_at') : undefined
    if (expiresAt !== undefined && expiresAt <= ctx.clock.now())
      throw new BadIdentityInput({ field: 'expires_at', reason: 'This time has passed.' })
    return createKey(ctx, account, { label: input.label, scopes: input.scopes, expiresAt })
  },
})

const revokeKeyMethod = defineMethod({
  path: 'orchestrator.identity.revoke_key',
  summary: 'Ends an API key, in every process.',
  verbs: ['POST', 'DELETE'],
  input: Type.Object({ name: Type.String({ minLength: 1, maxLength: 140 }), user }),
  rule: signedIn,
  handler: async (ctx, input) => ({ revoked: (await revokeKey(ctx, await accountFor(ctx, input.user), input.name)) ? 1 : 0 }),
})

const twoFactor = defineMethod({
  path: 'orchestrator.identity.two_factor',
  summary: 'Whether a second factor is set up, and how many recovery codes are left.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: signedIn,
  handler: async (ctx) => twoFactorStatus(ctx, await accountFor(ctx, undefined)),
})

const beginTwoFactorMethod = defineMethod({
  path: 'orchestrator.identity.begin_two_factor',
  summary: 'Begins to set up a second factor: a secret for an authenticator app, which counts once a code has confirmed it.',
  verbs: ['POST'],
  input: Type.Object({ password }),
  rule: signedIn,
  handler: async (ctx, input) => {
    const account = await accountFor(ctx, undefined)
    await confirmPassword(ctx, input.password)
    return beginTwoFactor(ctx, account)
  },
})

const confirmTwoFactorMethod = defineMethod({
  path: 'orchestrator.identity.confirm_two_factor',
  summary: 'Ends the set-up with a code from the app. Answers with recovery codes, shown this once.',
  verbs: ['POST'],
  input: Type.Object({ otp: Type.String({ maxLength: 20 }) }),
  rule: signedIn,
  handler: async (ctx, { otp }) => ({ recovery_codes: await confirmTwoFactor(ctx, await accountFor(ctx, undefined), otp) }),
})

const disableTwoFactorMethod = defineMethod({
  path: 'orchestrator.identity.disable_two_factor',
  summary: "Turns the second factor off: one's own, or as System Manager that of somebody who lost phone and codes.",
  verbs: ['POST'],
  input: Type.Object({ password, user }),
  rule: signedIn,
  handler: async (ctx, input) => {
    const account = await accountFor(ctx, input.user)
    await confirmPassword(ctx, input.password)
    await disableTwoFactor(ctx, account)
    // Whoever holds a session of this account may be the reason for it.
    if (account !== ctx.user.name) await endSessions(ctx, account)
    return undefined
  },
})

const newRecoveryCodesMethod = defineMethod({
  path: 'orchestrator.identity.new_recovery_codes',
  summary: 'Makes new recovery codes, shown this once; the old ones end.',
  verbs: ['POST'],
  input: Type.Object({ password }),
  rule: signedIn,
  handler: async (ctx, input) => {
    const account = await accountFor(ctx, undefined)
    await confirmPassword(ctx, input.password)
    if (!(await twoFactorStatus(ctx, account)).enabled) throw new BadIdentityInput({ field: '', reason: 'No second factor is set up.' })
    return { recovery_codes: await newRecoveryCodes(ctx, account) }
  },
})

const changeEmail = defineMethod({
  path: 'orchestrator.identity.change_email',
  summary: 'Asks to move the account to another e-mail address; a link goes there, and the change happens when it is confirmed.',
  verbs: ['POST'],
  input: Type.Object({ email: Type.String({ maxLength: 140 }), password }),
  rule: signedIn,
  handler: async (ctx, input) => {
    const account = await accountFor(ctx, undefined)
    await confirmPassword(ctx, input.password)
    await requestEmailChange(ctx, account, input.email)
    return undefined
  },
})

const confirmEmailChangeMethod = defineMethod({
  path: 'orchestrator.identity.confirm_email_change',
  summary: 'Moves the account to the address that the link was sent to. Its sessions end.',
  verbs: ['POST'],
  input: Type.Object({ key: Type.String({ maxLength: 200 }) }),
  rule: guests,
  handler: async (ctx, { key }) => ({ user: await confirmEmailChange(ctx, key) }),
})

const invite = defineMethod({
  path: 'orchestrator.identity.invite',
  summary: 'Makes a user without a password and mails a link to choose one; for a user who never signed in, mails a new link.',
  verbs: ['POST'],
  input: Type.Object({
    email: Type.String({ minLength: 3, maxLength: 140 }),
    first_name: Type.Optional(Type.String({ maxLength: 140 })),
    last_name: optionalText,
    roles: Type.Optional(Type.Array(Type.String({ maxLength: 140 }), { maxItems: 100 })),
  }),
  rule: checkedPerDocument('the User is inserted with the rights of the caller; only a System Manager mails a new link'),
  handler: async (ctx, input) => {
    if (ctx.user.scopes || (!ctx.user.unrestricted && !ctx.user.roles.has('System Manager'))) throw new NotYourAccount({})
    const known = await findUser(ctx, input.email)
    if (known) {
      if (known.last_login) throw new BadIdentityInput({ field: 'email', reason: `${known.name} has an account already.` })
      await sendInvitation(ctx, known.name)
      return { user: known.name, created: false }
    }
    const document = await insert(ctx, 'User', {
      email: input.email,
      first_name: input.first_name || input.email.split('@')[0],
      last_name: input.last_name ?? null,
      enabled: 1,
      send_welcome_email: 1,
      roles: (input.roles ?? []).map((role) => ({ role })),
    })
    return { user: document.name, created: true }
  },
})

const verifyAuditMethod = defineMethod({
  path: 'orchestrator.audit.verify',
  summary: 'Checks the whole audit log against its seals: what was altered, removed or slipped in.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: roles('System Manager'),
  handler: (ctx) => verifyAudit(ctx.site),
})

function momentOf(text: string, field: string): number {
  const parsed = parseDatetime(text)
  if (!parsed) throw new BadIdentityInput({ field, reason: `"${text.slice(0, 60)}" is not a time.` })
  return instantOfText(parsed.naive) - (parsed.offsetMinutes ?? 0) * 60_000
}

/** Managing sessions, keys, the second factor and the address of an account; inviting others. */
export const identityAccountMethods: readonly Method[] = [
  sessions,
  revokeSession,
  revokeSessions,
  keys,
  createKeyMethod,
  revokeKeyMethod,
  twoFactor,
  beginTwoFactorMethod,
  confirmTwoFactorMethod,
  disableTwoFactorMethod,
  newRecoveryCodesMethod,
  changeEmail,
  confirmEmailChangeMethod,
  invite,
  verifyAuditMethod,
]
