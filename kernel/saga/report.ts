import type { Context } from '#kernel/context/context.ts'
import { peopleWithRoles } from '#kernel/automation/people.ts'
import { administratorName, principalOf } from '#kernel/identity/principals.ts'
import { can } from '#kernel/permissions/grants.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { publish } from '#kernel/realtime/publish.ts'
import { sagaDoctype, type SagaLog } from './saga-log.ts'

const mostPeople = 50

/**
 * Tells the System Managers who may read the log that a saga left something behind which only a person can put right.
 * @returns who was told, for the log; says so where it was nobody
 */
export async function report(ctx: Context, log: SagaLog): Promise<string> {
  const left = log.steps.filter(({ status }) => status === 'compensation_failed').map((row) => row.step_name)
  const users = await readers(ctx, log)
  const subject = `Saga ${log.saga_name} failed, and could not be undone: ${left.join(', ')}`
  try {
    // A savepoint: whoever cannot be told must not keep the saga from ending.
    await ctx.db.savepoint(() => notify(ctx, { users, subject, type: 'Alert', about: { doctype: sagaDoctype, name: log.name } }))
    await publish(ctx, 'saga_failed', { saga: log.name, saga_name: log.saga_name }, { doctype: sagaDoctype })
  } catch (error) {
    ctx.site.log.error({ err: error, saga: log.name }, 'nobody could be told of a saga that failed')
    return 'nobody: telling them failed'
  }
  return users.join(', ')
}

/** Who may read the log: those of other organizations are not told. The Administrator always is. */
async function readers(ctx: Context, log: SagaLog): Promise<string[]> {
  const users = [administratorName]
  for (const { name } of await peopleWithRoles(ctx, ['System Manager'], mostPeople)) {
    if (name !== administratorName && (await can(ctx.as(await principalOf(ctx, name)), 'read', sagaDoctype, log))) users.push(name)
  }
  return users
}
