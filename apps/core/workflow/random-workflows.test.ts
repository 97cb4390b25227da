import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '#client/rules/errors.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { cancel, discard, insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { applyWorkflow } from '#kernel/workflow/apply.ts'
import { testSite } from '#testing/site.ts'

const worlds = Number(process.env.ORC_WORKFLOW_WORLDS ?? 6)
const attempts = 60
const states = ['A', 'B', 'C', 'D', 'E']
const roles = ['R1', 'R2', 'R3']
const actions = ['go', 'turn']

interface Way {
  state: string
  action: string
  next_state: string
  allowed: string
  allow_self_approval: 0 | 1
  condition: string
}

/** Numbers from a seed, so that a failure can be seen again. */
function numbers(seed: number): (below: number) => number {
  let state = seed * 7919 + 1
  return (below) => {
    state = (state * 48271) % 2147483647
    return state % below
  }
}

test(`in ${worlds} random workflows nobody brings a document anywhere but along the transitions that are open to them`, async () => {
  const site = await testSite()
  for (const role of roles) await site.make('Role', { role_name: role })
  for (const name of states) await site.make('Workflow State', { workflow_state_name: name })
  for (const name of actions) await site.make('Workflow Action Master', { workflow_action_name: name })
  const users = new Map<string, Set<string>>()
  for (const [index, held] of [['R1'], ['R2', 'R3'], ['R1', 'R3'], ['R1', 'R2', 'R3'], []].entries()) {
    const name = await site.user(`user${index}@example.com`, [...held])
    users.set(name, new Set(held))
  }
  let moved = 0
  let refused = 0
  for (let world = 0; world < worlds; world++) {
    const random = numbers(world + 1)
    const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T
    const doctype = `Walk ${world}`
    await site.make('DocType', {
      name: doctype,
      module: 'Custom',
      custom: 1,
      is_submittable: 1,
      autoname: 'hash',
      fields: [{ fieldname: 'size', fieldtype: 'Int', label: 'Size' }],
      // Rights are wide open: what holds people back is the workflow alone.
      permissions: [{ role: 'All', read: 1, write: 1, create: 1, submit: 1, cancel: 1, delete: 1 }],
    })
    const status = new Map(states.map((state, index) => [state, index === 0 ? 0 : pick([0, 0, 0, 1, 2])]))
    const editors = new Map(states.map((state) => [state, pick(roles)]))
    const ways: Way[] = []
    for (let count = 0; count < 30; count++) {
      const [from, to] = [pick(states), pick(states)]
      if (from === to || !['00', '01', '11', '12'].includes(`${status.get(from)}${status.get(to)}`)) continue
      ways.push({
        state: from,
        action: pick(actions),
        next_state: to,
        allowed: pick(roles),
        allow_self_approval: random(2) as 0 | 1,
        condition: pick(['', '', 'doc.size > 5']),
      })
    }
    await site.make('Workflow', {
      workflow_name: doctype,
      document_type: doctype,
      is_active: 1,
      states: states.map((state) => ({ state, doc_status: String(status.get(state)), allow_edit: editors.get(state) })),
      transitions: ways,
    })
    const isOpen = (user: string, from: string, to: string, owner: string, size: number) =>
      ways.some(
        (way) =>
          way.state === from &&
          way.next_state === to &&
          users.get(user)?.has(way.allowed) &&
          (way.allow_self_approval === 1 || owner !== user) &&
          (way.condition === '' || size > 5),
      )
    const cancels = ways.some((way) => status.get(way.next_state) === 2)

    const begin = async (user: string) => {
      const values = random(3) === 0 ? { workflow_state: pick(states), docstatus: pick([0, 1]) } : {}
      return site.as(user, (ctx) => insert(ctx, doctype, { size: random(10), ...values }))
    }
    let document: AnyDocument | undefined
    for (let attempt = 0; attempt < attempts; attempt++) {
      const user = pick([...users.keys()])
      const before = document && (await site.asSystem((ctx) => getDocument(ctx, doctype, String(document?.name))))
      try {
        if (!before || before.docstatus === 2) {
          document = await begin(user)
          const state = String(document.workflow_state)
          assert.ok(state === 'A' || isOpen(user, 'A', state, user, Number(document.size)), `${user} began in ${state}`)
        } else
          await site.as(user, async (ctx) => {
            const open = () => openForWrite(ctx, doctype, String(before.name))
            const kind = random(8)
            if (kind === 0 || kind > 5) await applyWorkflow(ctx, doctype, String(before.name), pick(actions))
            else if (kind === 1) await save(ctx, await open(), { workflow_state: pick(states) })
            else if (kind === 2)
              await save(ctx, await open(), {
                workflow_state: pick(states),
                docstatus: pick([0, 1, 2]),
                size: pick([Number(before.size), 9]),
              })
            else if (kind === 3) await save(ctx, await open(), { size: random(10) })
            else if (kind === 4) await submit(ctx, await open())
            else await pick([cancel, discard])(ctx, await open())
          })
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        refused++
      }
      if (!before || before.docstatus === 2) continue
      const after = await site.asSystem((ctx) => getDocument(ctx, doctype, String(before.name)))
      const [from, to] = [String(before.workflow_state), String(after.workflow_state)]
      const told = `world ${world}, attempt ${attempt}: ${user} ${from} -> ${to}`
      if (from !== to) {
        moved++
        assert.ok(isOpen(user, from, to, String(before.owner), Number(after.size)), told)
      } else if (after.docstatus !== before.docstatus) assert.ok(after.docstatus === 2 && before.docstatus === 1 && !cancels, told)
      if (after.docstatus !== 2) assert.equal(after.docstatus, status.get(to), told)
      if (after.size !== before.size) assert.ok(users.get(user)?.has(String(editors.get(from))), `${told}, who may not edit there`)
    }
  }
  // Otherwise nothing was tried.
  assert.ok(moved > worlds * 3 && refused > worlds * 3, `${moved} moved, ${refused} refused`)
})
