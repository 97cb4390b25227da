import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { testDatabases } from '#testing/services.ts'
import { checkDocument } from './reading-documents.ts'
import { checkLists } from './reading-lists.ts'
import { openStage, type Stage } from './stage.ts'
import { stateOf } from './state.ts'
import { answersByName, answersToLists, changeUnseen, removeUnseen } from './traces.ts'
import { checkWrites } from './writing.ts'
import { aWorld, type World, worldDocTypes, type WorldUser } from './world.ts'

// ORC_ORACLE_HTTP_WORLDS: how many worlds (a quarter of them on a server's database); ORC_ORACLE_DATABASES: on which, by commas;
// ORC_ORACLE_SEED: those of an earlier run; ORC_ORACLE_SHRINK=1: look for a smaller one that fails, which takes minutes.
const runs = Number(process.env.ORC_ORACLE_HTTP_WORLDS ?? 10)
const wanted = process.env.ORC_ORACLE_DATABASES?.split(',')
/** A smaller world of the same kind takes long to find over HTTP. */
const endOnFailure = process.env.ORC_ORACLE_SHRINK !== '1'
const seed = process.env.ORC_ORACLE_SEED ? { seed: Number(process.env.ORC_ORACLE_SEED) } : {}

for (const { name: database } of testDatabases().filter(({ name }) => wanted?.includes(name) ?? true)) {
  const stage = await openStage(database)
  const numRuns = database === 'sqlite' ? runs : Math.ceil(runs / 4)

  test(`${database}: every address shows what the model says, in random worlds`, { timeout: 1_200_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(aWorld, fc.nat(999), fc.boolean(), async (world, first, batched) => {
        await stage.enact(world)
        stage.batched = batched
        let turn = first
        const said: string[] = []
        // Two of the four users, so that there is time for twice as many worlds.
        const users = world.users.filter((_, at) => at % 2 === first % 2)
        for (const user of users) {
          for (const doctype of worldDocTypes) await heard(said, checkLists(stage, world, user, doctype, turn++))
          for (const fact of world.documents) await heard(said, checkDocument(stage, world, user, fact, turn++))
        }
        const before = await stateOf(stage)
        for (const user of users)
          for (const fact of world.documents)
            if (fact.doctype === 'Case' || fact.doctype === 'Memo')
              await heard(said, checkWrites(stage, world, user, fact, before, turn++ * 13))
        assert.deepEqual(said, [])
      }),
      { numRuns, ...seed, endOnFailure },
    )
  })

  test(`${database}: what a user may not see leaves no trace in any answer`, { timeout: 1_200_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(aWorld, fc.nat(3), fc.boolean(), async (world, at, batched) => {
        await stage.enact(world)
        stage.batched = batched
        const user = world.users[at] as WorldUser
        const lists = await answersToLists(stage, user)
        const documents = await answersByName(stage, world, user)
        await stage.server.asSystem((ctx) => changeUnseen(ctx, world, user))
        assert.deepEqual(await answersToLists(stage, user), lists, user.name)
        assert.deepEqual(await answersByName(stage, world, user), documents, user.name)
        await stage.server.asSystem((ctx) => removeUnseen(ctx, world, user))
        assert.deepEqual(await answersToLists(stage, user), lists, user.name)
      }),
      { numRuns, ...seed, endOnFailure },
    )
  })

  test(`${database}: taking away a right never adds a row or a document`, { timeout: 1_200_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(aWorld, fc.nat(999), async (world, pick) => {
        const count = world.rows.length + world.shares.length
        if (count === 0) return
        const at = pick % count
        const without: World =
          at < world.rows.length
            ? { ...world, rows: world.rows.toSpliced(at, 1) }
            : { ...world, shares: world.shares.toSpliced(at - world.rows.length, 1) }
        stage.batched = false
        await stage.enact(world)
        const before = await openTo(stage, world)
        await stage.enact(without)
        for (const one of await openTo(stage, world)) assert.ok(before.has(one), one)
      }),
      { numRuns, ...seed, endOnFailure },
    )
  })
}

/** Everything that users list, choose or open. */
async function openTo(stage: Stage, world: World): Promise<Set<string>> {
  const open = new Set<string>()
  for (const { name: user } of world.users) {
    for (const doctype of worldDocTypes) {
      // A list shows what may be chosen where nothing may be read, so the two count as one.
      const listed = await stage.ask(user, { path: `/api/resource/${doctype}`, query: { limit_page_length: 0 } })
      for (const row of listed.json.data ?? []) open.add(`${user} knows ${doctype} ${row.name}`)
      const chosen = await stage.ask(user, { path: `/api/v2/doctype/${doctype}/search`, query: { limit: 100 } })
      for (const row of chosen.json.data ?? []) open.add(`${user} knows ${doctype} ${row.value}`)
    }
    for (const { doctype, name } of world.documents) {
      if (doctype !== 'Case' && doctype !== 'Memo') continue
      const { status, json } = await stage.ask(user, { path: `/api/v2/document/${doctype}/${name}` })
      if (status !== 200) continue
      open.add(`${user} opens ${doctype} ${name}`)
      if ('secret' in json.data) open.add(`${user} opens the secret of ${doctype} ${name}`)
      if (json.data.phone === '0301234') open.add(`${user} opens the phone of ${name}`)
    }
  }
  return open
}

/** Gathers what disagrees, so that one failure tells of all. */
async function heard(said: string[], check: Promise<void>): Promise<void> {
  await check.catch((error: unknown) => {
    if (!(error instanceof Error)) throw error
    said.push(error.message)
  })
}
