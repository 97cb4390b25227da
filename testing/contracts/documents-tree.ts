import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '#client/rules/errors.ts'
import { StillLinked, TreeLoop, TreeNotLeaf } from '#kernel/documents/errors.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { LinkNotFound } from '#kernel/permissions/errors.ts'
import { type DocumentsWorld, field, refuses } from '#testing/documents-world.ts'

interface Node {
  name: string
  parent_branch: string | null
  lft: number
  rgt: number
}

/** Refuses numbers that are not a nested set of exactly the parents that the rows state. */
function checkNestedSet(nodes: readonly Node[]): void {
  const numbers = nodes.flatMap(({ lft, rgt }) => [lft, rgt]).sort((a, b) => a - b)
  assert.equal(new Set(numbers).size, numbers.length, 'every number is used once')
  const byName = new Map(nodes.map((node) => [node.name, node]))
  for (const node of nodes) {
    assert.ok(node.lft > 0 && node.lft < node.rgt, `${node.name} spans ${node.lft} to ${node.rgt}`)
    const below = nodes
      .filter((one) => one.lft > node.lft && one.rgt < node.rgt)
      .map(({ name }) => name)
      .sort()
    const descendants = nodes
      .filter((one) => isBelow(one, node.name, byName))
      .map(({ name }) => name)
      .sort()
    assert.deepEqual(below, descendants, `below ${node.name}`)
  }
}

function isBelow(node: Node, ancestor: string, byName: ReadonlyMap<string, Node>): boolean {
  for (let at = node.parent_branch; at; at = byName.get(at)?.parent_branch ?? null) if (at === ancestor) return true
  return false
}

export function treeTests(world: () => DocumentsWorld): void {
  before(() =>
    world().define({
      name: 'Branch',
      autoname: 'prompt',
      is_tree: 1,
      nsm_parent_field: 'parent_branch',
      fields: [field('title'), field('parent_branch', 'Link', { options: 'Branch' })],
    }),
  )

  const nodes = async () => (await world().rows('tabBranch')) as unknown as Node[]
  const add = (name: string, parent: string | null = null) => world().add('Branch', { name, parent_branch: parent })
  const move = (name: string, parent: string | null) => world().change('Branch', name, { parent_branch: parent })
  const drop = (name: string) => world().asSystem((ctx) => remove(ctx, 'Branch', name))
  const clear = async (): Promise<void> => {
    for (const { name } of (await nodes()).sort((a, b) => b.lft - a.lft)) await drop(name)
  }

  test('nodes span what is below them; loops and the loss of a trunk are refused', async () => {
    await add('root')
    await add('a', 'root')
    await add('b', 'root')
    await add('a1', 'a')
    checkNestedSet(await nodes())
    await refuses(move('root', 'a1'), TreeLoop, 'parent_branch')
    await refuses(move('a', 'a'), TreeLoop)
    await assert.rejects(drop('a'), (error: unknown) => TreeNotLeaf.is(error) || StillLinked.is(error))
    await assert.rejects(add('lost', 'nowhere'), { field: 'parent_branch' })
    await move('a', 'b')
    await move('a1', null)
    checkNestedSet(await nodes())
    await world().asSystem((ctx) => rename(ctx, 'Branch', 'b', 'bee'))
    assert.equal((await nodes()).find(({ name }) => name === 'a')?.parent_branch, 'bee')
    checkNestedSet(await nodes())
    await clear()
  })

  test('merging hangs the branches of one below the other', async () => {
    for (const [name, parent] of [
      ['r', null],
      ['x', 'r'],
      ['y', 'r'],
      ['x1', 'x'],
      ['x2', 'x'],
      ['x11', 'x1'],
      ['y1', 'y'],
    ] as const)
      await add(name, parent)
    await world().asSystem((ctx) => rename(ctx, 'Branch', 'x', 'y', { merge: true }))
    const now = await nodes()
    checkNestedSet(now)
    assert.deepEqual(
      now
        .filter((node) => node.parent_branch === 'y')
        .map(({ name }) => name)
        .sort(),
      ['x1', 'x2', 'y1'],
    )
    await refuses(
      world().asSystem((ctx) => rename(ctx, 'Branch', 'r', 'y', { merge: true })),
      TreeLoop,
    )
    checkNestedSet(await nodes())
    await clear()
  })

  test('saving an older copy does not undo what moved meanwhile', async () => {
    const w = world()
    await add('m')
    await add('n')
    const copy = await w.read('Branch', 'n')
    await move('m', null)
    await add('before', 'm')
    copy.title = 'changed'
    await w.asSystem((ctx) => save(ctx, copy))
    checkNestedSet(await nodes())
    await clear()
  })

  test('random changes, one after another, agree with a plain map of parents', async () => {
    const change = fc.record({
      kind: fc.constantFrom('add', 'add', 'move', 'move', 'drop'),
      node: fc.nat(11),
      parent: fc.option(fc.nat(11), { nil: null }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 5, maxLength: 25 }), async (changes) => {
        const parents = new Map<string, string | null>()
        const below = (name: string, ancestor: string): boolean => {
          for (let at: string | null = name; at; at = parents.get(at) ?? null) if (at === ancestor) return true
          return false
        }
        for (const { kind, node, parent } of changes) {
          const name = `n${node}`
          const to = parent === null ? null : `n${parent}`
          const isThere = parents.has(name)
          const work = kind === 'add' ? add(name, to) : kind === 'move' ? move(name, to) : drop(name)
          const went = await work.then(
            () => true,
            (error: unknown) => {
              assert.ok(error instanceof AppError, String(error))
              return false
            },
          )
          const parentIsThere = to === null || parents.has(to)
          const isLeaf = ![...parents.values()].includes(name)
          const expected =
            kind === 'add'
              ? !isThere && parentIsThere
              : kind === 'move'
                ? isThere && parentIsThere && !(to !== null && below(to, name))
                : isThere && isLeaf
          assert.equal(went, expected, `${kind} ${name} ${to}`)
          if (!went) continue
          if (kind === 'drop') parents.delete(name)
          else parents.set(name, to)
        }
        const stored = await nodes()
        assert.deepEqual(Object.fromEntries(stored.map((one) => [one.name, one.parent_branch])), Object.fromEntries(parents))
        checkNestedSet(stored)
        await clear()
      }),
      { numRuns: world().engine === 'sqlite' ? 15 : 3, endOnFailure: true },
    )
  })

  test('random changes at once leave a nested set', async () => {
    const w = world()
    for (const name of ['p0', 'p1', 'p2', 'p3']) await add(name)
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed % below
    }
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) => {
        const any = `p${random(4 + index)}`
        if (index % 3 !== 0)
          return w.asSystem((ctx) =>
            insert(ctx, 'Branch', { name: `p${4 + index}`, parent_branch: random(3) === 0 ? null : `p${random(4)}` }),
          )
        if (index % 6 === 0) return w.asSystem((ctx) => remove(ctx, 'Branch', any))
        const to = `p${random(8)}`
        return w.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Branch', any), { parent_branch: to }))
      }),
    )
    for (const one of outcomes)
      if (one.status === 'rejected')
        assert.ok(
          TreeLoop.is(one.reason) ||
            TreeNotLeaf.is(one.reason) ||
            LinkNotFound.is(one.reason) ||
            (one.reason as AppError).status === 404 ||
            StillLinked.is(one.reason),
          String((one.reason as Error).stack),
        )
    assert.ok(outcomes.filter((one) => one.status === 'fulfilled').length > 30)
    checkNestedSet(await nodes())
    await clear()
  })
}
