import { isEmail } from '#client/rules/formats.ts'
import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { rename } from '#kernel/documents/rename.ts'
import { BadIdentityInput, LinkUsedOrExpired, ProtectedUser } from './errors.ts'
import { queueMail } from './mail-out.ts'
import { makeToken, peekToken, spendToken } from './one-time-tokens.ts'
import { endSessions } from './sessions.ts'
import { findUser, siteAddress } from './users.ts'

const linkMs = 24 * 3_600_000

/**
 * Mails a link to a new address of an account; the account moves when the link is used, which proves that the address is the user's.
 * The old address is told. The caller has asked for the password.
 * @throws BadIdentityInput
 */
export async function requestEmailChange(ctx: Context, user: string, wanted: string): Promise<void> {
  const email = wanted.trim().toLowerCase()
  if (!isEmail(email)) throw new BadIdentityInput({ field: 'email', reason: `"${wanted.slice(0, 140)}" is not an e-mail address.` })
  if (!isEmail(user)) throw new ProtectedUser({ user })
  const token = await makeToken(ctx, 'change-email', user, linkMs, { data: email })
  const link = `${siteAddress(ctx)}/confirm-email?key=${token}`
  await queueMail(ctx, {
    to: email,
    subject: 'Confirm your new address',
    paragraphs: [`Confirm that ${ctx.site.host} may use this address for your account:`, link],
    user,
  })
  const warning = `Somebody who knows your password asked to move your account on ${ctx.site.host} to ${email}. If it was not you, change the password now.`
  await queueMail(ctx, { to: user, subject: 'Your address is about to change', paragraphs: [warning], user })
}

/**
 * Moves the account to the confirmed address: the User is renamed, its sessions end, its keys go along.
 * @returns the new name
 * @throws LinkUsedOrExpired, also when the address was taken meanwhile
 */
export async function confirmEmailChange(ctx: Context, key: string): Promise<string> {
  const token = await peekToken(ctx, 'change-email', key)
  const user = token && (await findUser(ctx, token.user))
  if (!token || !user?.enabled || (await findUser(ctx, token.data))) throw new LinkUsedOrExpired({})
  if (!(await spendToken(ctx, token))) throw new LinkUsedOrExpired({})
  await endSessions(ctx, user.name)
  await rename(ctx.asSystem(`${user.name} confirmed a new address`), 'User', user.name, token.data)
  await recordAudit(ctx, {
    action: 'change-email',
    doctype: 'User',
    name: token.data,
    changes: { email: [user.name, token.data] },
    user: token.data,
  })
  return token.data
}
