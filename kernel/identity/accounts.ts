import type { Context } from '#kernel/context/context.ts'
import { BadIdentityInput, NotSignedIn, NotYourAccount } from './errors.ts'
import { administratorName, guestName } from './principals.ts'
import { findUser } from './users.ts'

/**
 * The account that a call about keys, sessions or roles concerns: the caller's own, or another's for a System Manager. The
 * Administrator's belongs to the Administrator alone, and a key that was given only part of its user's rights manages none.
 * @param wanted as the caller sent it; absent: the caller's own
 * @throws NotSignedIn, NotYourAccount, BadIdentityInput
 */
export async function accountFor(ctx: Context, wanted: string | undefined, field = 'user'): Promise<string> {
  const own = ctx.user.name
  if (own === guestName) throw new NotSignedIn({})
  if (ctx.user.scopes) throw new NotYourAccount({})
  if (wanted === undefined || wanted === '' || wanted === own) return own
  if (!ctx.user.unrestricted && !ctx.user.roles.has('System Manager')) throw new NotYourAccount({})
  const user = await findUser(ctx, wanted)
  if (!user) throw new BadIdentityInput({ field, reason: `There is no user ${wanted.slice(0, 140)}.` })
  if (user.name === administratorName && !ctx.user.unrestricted) throw new NotYourAccount({})
  return user.name
}
