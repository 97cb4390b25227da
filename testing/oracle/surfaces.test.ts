import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '#client/rules/errors.ts'
import type { Context, Principal } from '#kernel/context/context.ts'
import { getDocument, load } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { toWire } from '#kernel/documents/wire.ts'
import { count } from '#kernel/query/count.ts'
import { list } from '#kernel/query/list.ts'
import { searchLink } from '#kernel/query/search-link.ts'
import { type TestSite, testSite } from '#testing/site.ts'
import { isListed, isMasked, levels, mayAsk, mayCreate, mayDo, mayPointAt } from './model.ts'
import { aWorld, type DocumentFact, valuesOf, type World, type WorldDocType, worldDocTypes, type WorldUser } from './world.ts'
import { settle } from './settle.ts'
import { changeUnseen } from './traces.ts'

const runs = Number(process.env.ORC_ORACLE_SURFACE_WORLDS ?? 15)
const wire = { version: 2, zone: 'UTC' } as const

const site = await testSite({ apps: ['oracle'], appFolders: [join(import.meta.dirname, 'apps')] })

test('every surface shows and changes what the model says, in random worlds', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(aWorld, async (world) => {
      await settle(site, world)
      for (const user of world.users) {
        for (const doctype of worldDocTypes) await checkReading(site, world, user, doctype)
        for (const fact of world.documents) {
          await checkDocument(site, world, user, fact)
          if (fact.doctype === 'Case' || fact.doctype === 'Memo') await checkChanges(site, world, user, fact)
        }
      }
    }),
    { numRuns: runs },
  )
})

test('what a user may not see leaves no trace in any answer', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(aWorld, async (world) => {
      await settle(site, world)
      for (const user of world.users) {
        const before = await answers(world, user)
        await site.asSystem((ctx) => changeUnseen(ctx, world, user))
        assert.deepEqual(await answers(world, user), before, user.name)
      }
    }),
    { numRuns: Math.ceil(runs / 3) },
  )
})

/** Everything that the reading surfaces say to a user, refusals included. */
async function answers(world: World, user: WorldUser): Promise<unknown[]> {
  const told: unknown[] = []
  for (const doctype of ['Case', 'Memo'] as const) {
    for (const options of [
      { fields: ['*'] },
      { fields: ['name', 'note'], orderBy: 'note desc', expand: ['region'] },
      { filters: { secret: ['like', '%e%'] } },
    ])
      told.push(await attempt(site, user, async (ctx) => (await list(ctx, doctype, { limit: 0, wire, ...options })).rows))
    for (const txt of ['', 'changed', 'secret']) told.push(await attempt(site, user, (ctx) => searchLink(ctx, { doctype, txt, wire })))
    told.push(await attempt(site, user, (ctx) => count(ctx, doctype, { filters: [['note', '!=', 'x']], wire })))
  }
  told.push(
    await attempt(site, user, async (ctx) => (await list(ctx, 'Case Visit', { parent: 'Case', fields: ['*'], limit: 0, wire })).rows),
  )
  for (const { doctype, name } of world.documents)
    told.push(await attempt(site, user, async (ctx) => toWire(ctx, await getDocument(ctx, doctype, name), wire)))
  return told
}

function principal(user: WorldUser): Principal {
  const automatic = user.name === 'Guest' ? ['Guest'] : ['Guest', 'All']
  return {
    name: user.name,
    fullName: user.name,
    roles: new Set([...automatic, ...user.roles]),
    userType: 'System User',
    language: 'en',
    unrestricted: false,
    ...(user.keyScopes && { scopes: user.keyScopes }),
  }
}

/** Does the work and takes it back. @returns its result, or the name of the refusal */
async function attempt<T>(site: TestSite, user: WorldUser, work: (ctx: Context) => Promise<T>): Promise<T | string> {
  const undo = new Error('undo')
  let result: T | string = ''
  await site.site.freshen()
  await site.site
    .run(principal(user), async (ctx) => {
      result = await work(ctx)
      throw undo
    })
    .catch((error: unknown) => {
      if (error === undo) return
      if (!(error instanceof AppError)) throw error
      result = error.code
    })
  return result
}

/** A document that one may not touch may also be said not to be there. */
function isRefusal(answer: string): boolean {
  return answer === 'permission/denied' || answer === 'document/not-found'
}

async function done(work: Promise<unknown>): Promise<string> {
  await work
  return 'done'
}

async function checkReading(site: TestSite, world: World, user: WorldUser, doctype: WorldDocType): Promise<void> {
  const facts = world.documents.filter((fact) => fact.doctype === doctype)
  const what = `${user.name} ${doctype}`
  const names = (right: 'read' | 'select') =>
    facts
      .filter((fact) => isListed(world, user, right, fact))
      .map((fact) => fact.name)
      .sort()
  const mayRead = mayAsk(world, user, 'read', doctype)
  const maySelect = mayAsk(world, user, 'select', doctype)
  const expected = mayRead ? names('read') : maySelect ? names('select') : 'permission/denied'
  const listed = await attempt(site, user, async (ctx) =>
    (await list(ctx, doctype, { limit: 0, wire })).rows.map((row) => String(row.name)).sort(),
  )
  assert.deepEqual(listed, expected, `${what} list`)
  const counted = await attempt(site, user, async (ctx) => String(await count(ctx, doctype, { wire })))
  assert.equal(counted, typeof expected === 'string' ? expected : String(expected.length), `${what} count`)
  const found = await attempt(site, user, async (ctx) =>
    (await searchLink(ctx, { doctype, pageLength: 100, wire })).map((choice) => choice.value).sort(),
  )
  assert.deepEqual(found, maySelect ? names('select') : 'permission/denied', `${what} search`)
  if (doctype !== 'Case' && doctype !== 'Memo') return
  const isOpen = levels(world, user, doctype, 'read').has(1)
  const questions: Record<string, unknown>[] = [
    { fields: ['secret'] },
    { filters: { secret: 'x' } },
    { orderBy: 'secret asc' },
    { fields: ['max(secret) as top'] },
  ]
  for (const options of questions) {
    const asked: object[] | string = await attempt<object[]>(
      site,
      user,
      async (ctx): Promise<object[]> => (await list(ctx, doctype, { limit: 0, wire, ...options })).rows,
    )
    assert.equal(typeof asked !== 'string', isOpen && mayRead, `${what} ${JSON.stringify(options)}`)
  }
  if (doctype !== 'Case') return
  const visits = await attempt(site, user, async (ctx) =>
    String((await list(ctx, 'Case Visit', { parent: 'Case', limit: 0, wire })).rows.length),
  )
  const visible = facts.filter((fact) => isListed(world, user, 'read', fact)).flatMap((fact) => fact.visits)
  if (mayRead) assert.equal(visits, String(visible.length), `${what} visits`)
  else assert.ok(!/^\d+$/.test(visits), `${what} visits`)
}

async function checkDocument(site: TestSite, world: World, user: WorldUser, fact: DocumentFact): Promise<void> {
  const { doctype, name } = fact
  const what = `${user.name} ${doctype} ${name}`
  const seen = await attempt(site, user, async (ctx) => toWire(ctx, await getDocument(ctx, doctype, name), wire))
  assert.equal(typeof seen !== 'string', mayDo(world, user, 'read', fact), `${what} read`)
  if (typeof seen === 'string' || (doctype !== 'Case' && doctype !== 'Memo')) return
  const open = levels(world, user, doctype, 'read')
  assert.equal('secret' in seen, open.has(1), `${what} secret`)
  if (doctype !== 'Case') return
  assert.equal(seen.phone === '0301234', !isMasked(world, user, doctype, 0), `${what} mask`)
  for (const visit of seen.visits as object[]) assert.equal('secret' in visit, open.has(1), `${what} secret of a visit`)
}

async function checkChanges(site: TestSite, world: World, user: WorldUser, fact: DocumentFact): Promise<void> {
  const { doctype, name } = fact
  const what = `${user.name} ${doctype} ${name}`
  const stored = await attempt(site, user, async (ctx) => {
    const values = { secret: 'changed', ...(doctype === 'Case' && { phone: '555' }) }
    await save(ctx, await openForWrite(ctx, doctype, name), values)
    return load(ctx, await ctx.site.meta.get(doctype), name)
  })
  assert.equal(typeof stored !== 'string', mayDo(world, user, 'write', fact), `${what} write: ${String(stored)}`)
  if (typeof stored !== 'string') {
    assert.equal(stored.secret === 'changed', levels(world, user, doctype, 'write').has(1), `${what} write secret`)
    if (doctype === 'Case') assert.equal(stored.phone === '555', !isMasked(world, user, doctype, 0), `${what} write masked`)
  }

  const removed = await attempt(site, user, async (ctx) => done(remove(ctx, doctype, name)))
  assert.equal(isRefusal(removed), !mayDo(world, user, 'delete', fact), `${what} delete: ${removed}`)

  const { name: _name, owner: _owner, visits, secret: _secret, phone: _phone, ...values } = valuesOf(fact)
  const rows = (visits as { region: string | null }[] | undefined)?.map(({ region }) => ({ region }))
  const created = await attempt(site, user, async (ctx) => done(insert(ctx, doctype, { ...values, ...(rows && { visits: rows }) })))
  const links: [WorldDocType, string][] = [
    ['Organization', fact.organization],
    ['Region', fact.region],
    ['Case', fact.about],
    ...fact.visits.map((one): [WorldDocType, string] => ['Region', one]),
  ]
  const targets = links.flatMap(([type, target]) => world.documents.filter((one) => one.doctype === type && one.name === target))
  const mayLink = targets.every((target) => mayPointAt(world, user, target))
  // Links are looked at before the whole document is, so a forbidden one may speak first; somebody without the right hears of neither.
  const expected = mayCreate(world, user, { ...fact, name: '' }) ? ['done'] : ['permission/denied']
  if (!mayLink) expected.splice(0, expected[0] === 'done' ? 1 : 0, 'document/link-not-found')
  assert.ok(expected.includes(String(created)), `${what} create: ${created} instead of ${expected.join(' or ')}`)

  if (doctype !== 'Case') return
  const submitted = await attempt(site, user, async (ctx) => done(submit(ctx, await load(ctx, await ctx.site.meta.get('Case'), name))))
  const maySubmit = mayDo(world, user, 'submit', fact)
  if (!maySubmit) assert.ok(isRefusal(submitted), `${what} submit: ${submitted}`)
  else if (mayDo(world, user, 'write', fact)) assert.equal(submitted, 'done', `${what} submit`)
}
