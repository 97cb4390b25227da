import type { Context } from '#kernel/context/context.ts'
import { NotTheApprover } from '../errors.ts'
import { peopleOf } from './access.ts'

const deciders = ['System Manager', 'Super Admin', 'HR Manager', 'HR User']

/**
 * That the user may decide on a request of somebody: nobody on their own; else who is named as approver, who manages the department, and HR.
 * @param approvers  users named on the request
 * @throws NotTheApprover with the field `status`
 */
export async function checkDecider(
  ctx: Context,
  employee: string,
  approvers: readonly (string | null)[],
  roles: readonly string[] = [],
): Promise<void> {
  if (ctx.user.unrestricted) return
  const { own, managed } = await peopleOf(ctx, ctx.user.name)
  if (own.includes(employee)) throw new NotTheApprover({ field: 'status', reason: 'it is your own.' })
  if (approvers.includes(ctx.user.name) || managed.includes(employee)) return
  if ([...deciders, ...roles].some((role) => ctx.user.roles.has(role))) return
  throw new NotTheApprover({ field: 'status', reason: 'somebody else is the approver.' })
}
