import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { identityStage } from '#testing/identity-cast.ts'
import { requestPasswordReset } from './password-change.ts'
import { endSession } from './sessions.ts'
import { tidyIdentity } from './tidy.ts'

test('tidying removes what has ended and keeps what lives', async () => {
  const stage = await identityStage()
  const count = async (table: string) => {
    const [row] = await stage.site.database.query<{ n: number }>(
      stage.site.database.dialect.compile(sql`select count(*) as n from ${sql.id(table)}`),
    )
    return Number(row?.n)
  }
  const user = await stage.person('dana@example.com')
  await assert.rejects(stage.enter(user, { password: 'wrong', ip: '198.51.100.1' }))
  const ended = await stage.enter(user)
  await stage.asSystem((ctx) => endSession(ctx, user, ended.session.id))
  await stage.asGuest((ctx) => requestPasswordReset(ctx, user))
  assert.equal(await stage.asSystem(tidyIdentity), 0)
  assert.deepEqual([await count('__Session'), await count('__Token')], [1, 1])
  stage.ahead = 8 * 24 * 3_600_000
  const alive = await stage.enter(user)
  assert.equal(await stage.asSystem(tidyIdentity), 1)
  assert.deepEqual([await count('__Session'), await count('__Token'), await count('__Sign_In_Failure')], [1, 0, 0])
  assert.equal((await stage.knock({ sid: alive.sid })).via, 'session')
})
