/**
 * Loaded before a process of the fault suite (`--import`): ends it as if by SIGKILL right before or after its nth commit from now, when told
 * to over the process's own channel. The product knows nothing of it.
 */
import { MariaTransaction } from '#kernel/database/mariadb/transaction.ts'
import { PostgresTransaction } from '#kernel/database/postgres/transaction.ts'
import { SavepointTransaction } from '#kernel/database/sqlite/savepoint-transaction.ts'

/** What the suite sends. */
export interface CommitKill {
  readonly point: 'before' | 'after'
  /** 1: the next commit. */
  readonly nth: number
}

let armed: CommitKill | undefined
let seen = 0

/** Whether this commit is the one. */
function strikes(point: CommitKill['point']): boolean {
  return armed?.point === point && ++seen >= armed.nth
}

for (const { prototype } of [SavepointTransaction, PostgresTransaction, MariaTransaction]) {
  const commit = prototype.commit
  prototype.commit = async function (this: never): Promise<void> {
    if (strikes('before')) process.kill(process.pid, 'SIGKILL')
    await commit.call(this)
    if (strikes('after')) process.kill(process.pid, 'SIGKILL')
  }
}

process.on('message', (message: CommitKill) => {
  armed = message
  seen = 0
})
// A suite that is gone starts nobody again, and ends nobody.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// Listening must not keep a process from ending when it is told to.
process.channel?.unref()
