import { Type } from 'typebox'
import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { accountFor } from '#kernel/identity/accounts.ts'
import { createKey, revokeKeysLabelled } from '#kernel/identity/api-keys.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { InvalidLogin, NotYourAccount } from '#kernel/identity/errors.ts'
import { changeOwnPassword, newPasswordPath, requestPasswordReset, setPasswordByLink } from '#kernel/identity/password-change.ts'
import { guestName, principalOf } from '#kernel/identity/principals.ts'
import { announceSession, announceSessionEnd } from '#kernel/identity/session-cookies.ts'
import { csrfTokenOf, endSession } from '#kernel/identity/sessions.ts'
import { mustRenewPassword, type SecondFactorAsked, type SignedIn, signIn, signInWithCode } from '#kernel/identity/sign-in.ts'
import { signUp } from '#kernel/identity/sign-up.ts'
import { defineMethod, guests, type Method, signedIn } from '#kernel/methods/method.ts'
import { identityAccountMethods } from './identity-account.ts'

const optionalText = Type.Optional(Type.String())

const login = defineMethod({
  path: 'login',
  summary: 'Signs in with a password, and with a code where a second factor is set up. Sets the cookies of a session.',
  verbs: ['POST'],
  input: Type.Object({ usr: optionalText, pwd: optionalText, otp: optionalText, tmp_id: optionalText, device: optionalText }),
  rule: guests,
  handler: async (ctx, { usr, pwd, otp, tmp_id, device }) => {
    if (tmp_id && otp) return welcome(ctx, await signInWithCode(ctx, tmp_id, otp, device))
    if (!usr || !pwd) throw new InvalidLogin({})
    const outcome = await signIn(ctx, usr, pwd, device)
    return outcome.kind === 'signed-in' ? welcome(ctx, outcome) : askForCode(ctx, outcome)
  },
})

async function welcome(ctx: Context, { sid, session, principal, userImage, recoveryCodes }: SignedIn): Promise<string> {
  if (await mustRenewPassword(ctx, principal.name)) {
    ctx.answer.redirect_to = await newPasswordPath(ctx, principal.name)
    await endSession(ctx, principal.name, session.id)
    return 'Password Reset'
  }
  announceSession(ctx, { sid, session }, principal, userImage)
  const isSystemUser = principal.userType === 'System User'
  ctx.answer.home_page = isSystemUser ? '/app' : '/'
  ctx.answer.full_name = principal.fullName
  if (recoveryCodes) ctx.answer.recovery_codes = recoveryCodes
  return isSystemUser ? 'Logged In' : 'No App'
}

function askForCode(ctx: Context, { tmpId, enrolment }: SecondFactorAsked): undefined {
  ctx.answer.verification = {
    method: 'OTP App',
    setup: enrolment === undefined,
    token_delivery: true,
    prompt: enrolment
      ? 'Add this account to your authenticator app, then enter its code.'
      : 'Enter the code of your authenticator app, or a recovery code.',
    ...enrolment,
  }
  ctx.answer.tmp_id = tmpId
  return undefined
}

const logout = defineMethod({
  path: 'logout',
  summary: 'Ends the session in use, in every process, and clears its cookies.',
  verbs: ['GET', 'POST'],
  commitsOnGet: true,
  input: Type.Object({}),
  rule: guests,
  handler: async (ctx) => {
    const id = sessionIdOf(ctx.user)
    if (id && (await endSession(ctx, ctx.user.name, id))) await recordAudit(ctx, { action: 'logout', doctype: 'User', name: ctx.user.name })
    announceSessionEnd(ctx)
    return undefined
  },
})

const getLoggedUser = defineMethod({
  path: 'frappe.auth.get_logged_user',
  summary: 'The name of the user who is signed in.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: signedIn,
  handler: (ctx) => ctx.user.name,
})

const getCsrfToken = defineMethod({
  path: 'frappe.sessions.get_csrf_token',
  summary:
    "The CSRF token of the session, made at the first call; from then on the session's writing requests must carry it. Empty without a session.",
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: guests,
  handler: (ctx) => {
    const id = sessionIdOf(ctx.user)
    return id ? csrfTokenOf(ctx, id) : ''
  },
})

const clear = defineMethod({
  path: 'frappe.sessions.clear',
  summary: 'Kept for clients that call it: what the server remembers follows every change by itself.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: signedIn,
  handler: () => 'Cache Cleared',
})

/** The label of the key that `generate_keys` makes anew each time. */
const generatedLabel = 'generate_keys'

const generateKeys = defineMethod({
  path: 'frappe.core.doctype.user.user.generate_keys',
  summary: 'Makes an API key for oneself, or for another user as System Manager. The key that an earlier call made ends.',
  verbs: ['POST'],
  input: Type.Object({ user: optionalText }),
  rule: signedIn,
  handler: async (ctx, { user }) => {
    const account = await accountFor(ctx, user)
    await revokeKeysLabelled(ctx, account, generatedLabel)
    const { api_key, api_secret } = await createKey(ctx, account, { label: generatedLabel })
    return { api_key, api_secret }
  },
})

const resetPassword = defineMethod({
  path: 'frappe.core.doctype.user.user.reset_password',
  summary: 'Mails a link with which to choose a new password. The answer is the same whether or not there is such a user.',
  verbs: ['POST'],
  input: Type.Object({ user: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: guests,
  handler: async (ctx, { user }) => {
    await requestPasswordReset(ctx, user)
    ctx.messages.push({
      message: 'If this user exists, a link to choose a new password is on its way.',
      title: 'Password reset',
      indicator: 'blue',
    })
    return undefined
  },
})

const updatePassword = defineMethod({
  path: 'frappe.core.doctype.user.user.update_password',
  summary: 'Sets a password, with the key of a mailed link or with the old password. Every other session of the user ends.',
  verbs: ['POST'],
  input: Type.Object({ new_password: Type.String(), key: optionalText, old_password: optionalText }),
  rule: guests,
  handler: async (ctx, { new_password, key, old_password }) => {
    if (key) {
      await setPasswordByLink(ctx, key, new_password)
      return '/login'
    }
    const opened = await changeOwnPassword(ctx, old_password, new_password)
    if (opened) announceSession(ctx, opened, await principalOf(ctx, ctx.user.name))
    return '/app'
  },
})

const signUpMethod = defineMethod({
  path: 'frappe.core.doctype.user.user.sign_up',
  summary: 'Asks for an account, where the site allows it (site config `allow_sign_up`); the address gets a link. Closed otherwise.',
  verbs: ['POST'],
  input: Type.Object({
    email: Type.String({ maxLength: 140 }),
    full_name: Type.String({ minLength: 1, maxLength: 140 }),
    redirect_to: optionalText,
  }),
  rule: guests,
  handler: async (ctx, { email, full_name }) => {
    await signUp(ctx, email, full_name)
    return [1, 'Please check your email for verification']
  },
})

const getRoles = defineMethod({
  path: 'frappe.core.doctype.user.user.get_roles',
  summary: "One's own roles, or those of another user as System Manager.",
  verbs: ['GET', 'POST'],
  input: Type.Object({ uid: optionalText, user: optionalText }),
  rule: signedIn,
  handler: async (ctx, { uid, user }) => {
    const wanted = uid ?? user ?? ctx.user.name
    const isOther = wanted !== ctx.user.name
    if (isOther && !ctx.user.unrestricted && !ctx.user.roles.has('System Manager')) throw new NotYourAccount({})
    const { roles } = isOther ? await principalOf(ctx, wanted) : ctx.user
    return [...roles].filter((role) => role !== guestName).sort()
  },
})

/** Signing in and out, passwords and keys: Frappe's paths first, then our own. */
export const identityMethods: readonly Method[] = [
  login,
  logout,
  getLoggedUser,
  getCsrfToken,
  clear,
  generateKeys,
  resetPassword,
  updatePassword,
  signUpMethod,
  getRoles,
  ...identityAccountMethods,
]
