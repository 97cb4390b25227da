import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { testSite } from '#testing/site.ts'
import { laterThan, nowText, textOfInstant } from './time.ts'
import { openUnit } from './unit-of-work.ts'

suite('contexts', () => {
  const site = testSite({ clock: { now: () => Date.UTC(2026, 10, 20, 9, 8, 7, 6) } })
  const guest = {
    name: 'Guest',
    fullName: 'Guest',
    roles: new Set(['Guest']),
    userType: 'Website User',
    language: 'en',
    unrestricted: false,
  } as const
  const request = { id: 'r1', ip: '127.0.0.1', via: 'test' }
  const unit = async () => openUnit((await site).site, guest, request)

  test('an elevated context keeps the user, states every reason, and needs one', async () => {
    const { ctx } = await unit()
    const system = ctx.asSystem('because').asSystem('and therefore')
    assert.deepEqual([system.user.name, system.user.unrestricted, system.elevation], ['Guest', true, 'because; and therefore'])
    assert.deepEqual([ctx.user.unrestricted, ctx.elevation], [false, undefined])
    assert.throws(() => ctx.asSystem('  '), /needs a reason/)
  })

  test('acting as somebody else drops the elevation, and shares the unit of work but not what was remembered', async () => {
    const { ctx } = await unit()
    ctx.memo.set('test:x', 1)
    const other = ctx.asSystem('because').as({ ...guest, name: 'other@example.com' })
    assert.deepEqual([other.user.unrestricted, other.elevation, other.memo.size], [false, undefined, 0])
    assert.ok(other.db === ctx.db && other.messages === ctx.messages && other.answer === ctx.answer && other.request === ctx.request)
  })

  test('reads open no transaction; the first write does, and the end of the unit closes it', async () => {
    const { ctx, rollback } = await unit()
    await ctx.db.query({ sql: 'select 1 as one', parameters: [] })
    assert.equal(ctx.db.isWriting, false)
    await ctx.db.execute({ sql: "insert into tabSeries (name, current) values ('unit-test', 1)", parameters: [] })
    assert.equal(ctx.db.isWriting, true)
    assert.equal(
      (await ctx.db.query({ sql: "select 1 as one from tabSeries where name = 'unit-test'", parameters: [] })).length,
      1,
      'it reads what it wrote',
    )
    await rollback()
    assert.equal((await ctx.db.query({ sql: "select 1 as one from tabSeries where name = 'unit-test'", parameters: [] })).length, 0)
    await assert.rejects(ctx.db.execute({ sql: "insert into tabSeries (name, current) values ('late', 1)", parameters: [] }), /ended/)
  })

  test('many first writes at once share one transaction', async () => {
    const { ctx, rollback } = await unit()
    const [a, b] = await Promise.all([ctx.db.begin(), ctx.db.begin()])
    assert.equal(a, b)
    await rollback()
  })

  test('effects run after the commit in their order; one that fails stops none; none runs after a rollback', async () => {
    const done: string[] = []
    const first = await unit()
    first.ctx.afterCommit(() => void done.push('a'))
    first.ctx.afterCommit(() => Promise.reject(new Error('lost')))
    first.ctx.as(guest).afterCommit(() => void done.push('b'))
    await first.commit()
    const second = await unit()
    second.ctx.afterCommit(() => void done.push('never'))
    await second.rollback()
    assert.deepEqual(done, ['a', 'b'])
  })
})

suite('times', () => {
  test('a time is UTC with six digits', () => {
    assert.equal(nowText({ clock: { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 67) } }), '2026-01-02 03:04:05.067000')
    assert.equal(textOfInstant(0), '1970-01-01 00:00:00.000000')
  })

  test('`modified` grows with every save, even within a millisecond or when the clock steps back', () => {
    const now = '2026-01-02 03:04:05.067000'
    assert.equal(laterThan(now, undefined), now)
    assert.equal(laterThan(now, '2026-01-02 03:04:05.066999'), now)
    assert.equal(laterThan(now, now), '2026-01-02 03:04:05.067001')
    assert.equal(laterThan(now, '2026-01-02 03:04:05.999999'), '2026-01-02 03:04:06.000000')
    assert.equal(laterThan(now, '2027-12-31 23:59:59.999999'), '2028-01-01 00:00:00.000000')
  })
})
