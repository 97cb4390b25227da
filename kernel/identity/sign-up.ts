import { isEmail } from '#client/rules/formats.ts'
import type { Context } from '#kernel/context/context.ts'
import { insert } from '#kernel/documents/save.ts'
import { demandRate } from '#kernel/limits/rate-limit.ts'
import { BadIdentityInput, SignUpClosed } from './errors.ts'
import { requestPasswordReset } from './password-change.ts'
import { networkOf } from './sign-in-failures.ts'
import { findUser } from './users.ts'

/**
 * Makes a user without roles, where the site config says `allow_sign_up: true`, and mails a link to choose a password. For an address
 * that has an account the answer is the same, and the mail a link to reset its password.
 * @throws SignUpClosed, BadIdentityInput, RateLimitExceeded
 */
export async function signUp(ctx: Context, wanted: string, fullName: string): Promise<void> {
  if (ctx.site.config.allow_sign_up !== true) throw new SignUpClosed({})
  const email = wanted.trim().toLowerCase()
  if (!isEmail(email)) throw new BadIdentityInput({ field: 'email', reason: `"${wanted.slice(0, 140)}" is not an e-mail address.` })
  await demandRate(ctx.site, `sign-up:${networkOf(ctx.request.ip)}`, { limit: 20, windowMs: 3_600_000 })
  if (await findUser(ctx, email)) return requestPasswordReset(ctx, email)
  const [first = fullName, ...rest] = fullName.trim().split(/\s+/)
  await insert(ctx.asSystem('sign-up'), 'User', {
    email,
    first_name: first,
    last_name: rest.join(' ') || null,
    enabled: 1,
    send_welcome_email: 1,
    roles: [],
  })
}
