import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from '#kernel/context/context.ts'
import type { Changeset } from '#kernel/documents/history.ts'
import { CancelledIsFinal, ConstantChanged, Stale, SubmittedIsFixed, TransitionRefused } from '#kernel/documents/errors.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { amend } from '#kernel/documents/new-document.ts'
import { cancel, discard, insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { getValue, setValue, writeThrough } from '#kernel/documents/values.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { HookFailed } from '#testing/apps/lifecycle/recorder.ts'
import { type DocumentsWorld, events, inHook, refuses } from '#testing/documents-world.ts'

const open = (ctx: Context, name: string) => openForWrite(ctx, 'Rite', name)

/** Submits or cancels a Rite. */
async function turn(world: DocumentsWorld, name: string, verb: typeof submit | typeof cancel): Promise<void> {
  await world.asSystem(async (ctx) => verb(ctx, await open(ctx, name)))
}

export function lifecycleTests(world: () => DocumentsWorld): void {
  test('the hooks of every operation come in the order of the fact sheet', async () => {
    const w = world()
    let name = ''
    const insertion = ['before_insert', 'before_naming', 'autoname', 'before_validate', 'validate']
    assert.deepEqual(events(await w.trace(async () => (name = (await w.add('Rite')).name))), [
      ...insertion,
      'before_save',
      'after_insert',
      'on_update',
      'on_change',
    ])
    assert.deepEqual(events(await w.trace(() => w.change('Rite', name, { title: 'a' }))), [
      'before_validate',
      'validate',
      'before_save',
      'on_update',
      'on_change',
    ])
    assert.deepEqual(events(await w.trace(() => turn(w, name, submit))), [
      'before_validate',
      'validate',
      'before_submit',
      'on_update',
      'on_submit',
      'on_change',
    ])
    assert.deepEqual(events(await w.trace(() => w.change('Rite', name, { open: 'b' }))), [
      'before_update_after_submit',
      'on_update_after_submit',
      'on_change',
    ])
    assert.deepEqual(events(await w.trace(() => turn(w, name, cancel))), ['before_cancel', 'on_cancel', 'on_change'])
    assert.deepEqual(events(await w.trace(() => w.asSystem((ctx) => remove(ctx, 'Rite', name)))), ['on_trash', 'on_change', 'after_delete'])

    assert.deepEqual(events(await w.trace(async () => (name = (await w.add('Rite', { docstatus: 1 })).name))), [
      ...insertion,
      'before_submit',
      'after_insert',
      'on_update',
      'on_submit',
      'on_change',
    ])
    name = (await w.add('Rite')).name
    assert.deepEqual(events(await w.trace(() => w.asSystem((ctx) => rename(ctx, 'Rite', name, 'Renamed Rite')))), [
      'before_rename',
      'after_rename',
      'on_change',
    ])
    assert.deepEqual(events(await w.trace(() => w.asSystem((ctx) => writeThrough(ctx, 'Rite', 'Renamed Rite', { title: 'x' })))), [
      'before_change',
      'on_change',
    ])
    const dropped = await w.trace(() => w.asSystem(async (ctx) => discard(ctx, await open(ctx, 'Renamed Rite'))))
    assert.deepEqual(events(dropped), ['before_discard', 'on_discard', 'on_change'])
  })

  test('an event reaches the controller, its extension, the listeners of the DocType and those of all, in this order', async () => {
    const w = world()
    const calls = await w.trace(() => w.add('Rite'))
    assert.deepEqual(
      calls.filter((call) => call.endsWith(':validate')),
      ['controller:validate', 'extension:validate', 'listener:validate', 'everyone:validate'],
    )
    const rite = (await w.add('Rite', { title: 'hush' })) as unknown as { loudly(): string }
    assert.equal(rite.loudly(), 'HUSH')
  })

  test('a hook may change the document, and the change is stored', async () => {
    const w = world()
    let name = ''
    await inHook(
      w,
      'validate',
      (_ctx, document) => {
        document.title = 'from the hook'
        document.rows = [...(document.rows as object[]), { doctype: 'Rite Row', word: 'added' } as never]
      },
      async () => (name = (await w.add('Rite')).name),
    )
    const stored = await w.read('Rite', name)
    assert.equal(stored.title, 'from the hook')
    assert.deepEqual(
      (stored.rows as { word: string; qty: number }[]).map(({ word, qty }) => [word, qty]),
      [['added', 0]],
    )
  })

  test('when any hook throws, nothing of the operation is stored', async () => {
    const w = world()
    const draft = (await w.add('Rite', { title: 'draft', rows: [{ word: 'a' }] })).name
    const final = (await w.add('Rite', { title: 'final', docstatus: 1, rows: [{ word: 'b' }] })).name
    const gone = (await w.add('Rite', { title: 'gone' })).name
    const operations: Record<string, (ctx: Context) => Promise<unknown>> = {
      insert: (ctx) => insert(ctx, 'Rite', { title: 'never', secret: 's', rows: [{ word: 'c' }] }),
      'insert and submit': (ctx) => insert(ctx, 'Rite', { title: 'never', docstatus: 1 }),
      save: async (ctx) => save(ctx, await open(ctx, draft), { title: 'other', secret: 't', rows: [{ word: 'd' }] }),
      submit: async (ctx) => submit(ctx, await open(ctx, draft)),
      'update after submit': async (ctx) => save(ctx, await open(ctx, final), { open: 'x' }),
      cancel: async (ctx) => cancel(ctx, await open(ctx, final)),
      discard: async (ctx) => discard(ctx, await open(ctx, draft)),
      delete: (ctx) => remove(ctx, 'Rite', gone),
      rename: (ctx) => rename(ctx, 'Rite', gone, 'Never'),
    }
    const before = await w.snapshot()
    for (const [operation, work] of Object.entries(operations)) {
      // A dry run tells which hooks there are to fail at.
      const calls = await w.trace(() =>
        w
          .asSystem(async (ctx) => {
            await work(ctx)
            throw new HookFailed('only looking')
          })
          .catch((error) => assert.ok(error instanceof HookFailed, String(error))),
      )
      assert.ok(calls.length > 4, operation)
      for (const call of new Set(calls)) {
        w.recorder.failAt = call
        await assert.rejects(w.asSystem(work), HookFailed, `${operation} at ${call}`)
        w.recorder.failAt = undefined
      }
      if (w.engine === 'sqlite') assert.deepEqual(await w.snapshot(), before, operation)
    }
    assert.deepEqual(await w.snapshot(), before)
  })

  test('a row that the database refuses takes the whole document with it', async () => {
    const w = world()
    await w.add('Rite', { rows: [{ word: 'first', code: 'only-one' }] })
    const before = await w.snapshot()
    await assert.rejects(w.add('Rite', { title: 'parent', rows: [{ word: 'x' }, { word: 'second', code: 'only-one' }] }), {
      code: 'document/value-taken',
      field: 'rows[1].code',
    })
    assert.deepEqual(await w.snapshot(), before)
  })

  test('docstatus moves from draft to submitted to cancelled, and no other way', async () => {
    const w = world()
    const draft = (await w.add('Rite')).name
    await refuses(w.change('Rite', draft, { docstatus: 2 }), TransitionRefused)
    await refuses(w.change('Rite', draft, { docstatus: 3 }), TransitionRefused)
    await refuses(w.add('Rite', { docstatus: 2 }), TransitionRefused)
    await refuses(
      w.asSystem(async (ctx) => amend(ctx, await open(ctx, draft))),
      TransitionRefused,
    )
    await turn(w, draft, submit)
    await refuses(w.change('Rite', draft, { docstatus: 0 }), TransitionRefused)
    await refuses(
      w.asSystem(async (ctx) => discard(ctx, await open(ctx, draft))),
      TransitionRefused,
    )
    await assert.rejects(
      w.asSystem((ctx) => remove(ctx, 'Rite', draft)),
      { code: 'document/submitted-delete' },
    )
    await turn(w, draft, cancel)
    for (const docstatus of [0, 1, 2]) await refuses(w.change('Rite', draft, { docstatus, title: 'x' }), CancelledIsFinal)
    await refuses(w.add('Ghost', { title: 'g', docstatus: 1 }), TransitionRefused)
    await refuses(w.add('ToDo', { description: 'x', docstatus: 1 }), TransitionRefused)
    const todo = (await w.add('ToDo', { description: 'x' })).name
    await refuses(w.change('ToDo', todo, { docstatus: 1 }), TransitionRefused)
  })

  test('rows follow the state of their document', async () => {
    const w = world()
    const { name } = await w.add('Rite', { docstatus: 1, rows: [{ word: 'a' }], notes: [{ word: 'n' }] })
    assert.deepEqual(
      (await w.rows('tabRite Row', 'parent', name)).map((row) => row.docstatus),
      [1, 1],
    )
    await turn(w, name, cancel)
    assert.deepEqual(
      (await w.rows('tabRite Row', 'parent', name)).map((row) => row.docstatus),
      [2, 2],
    )
  })

  test('on a submitted document only what is left open changes', async () => {
    const w = world()
    const { name } = await w.add('Rite', { title: 't', docstatus: 1, rows: [{ word: 'a', remark: 'r' }], notes: [{ word: 'n' }] })
    const stored = await w.read('Rite', name)
    const [row] = stored.rows as { name: string }[]
    const [note] = stored.notes as { name: string }[]
    await refuses(w.change('Rite', name, { title: 'u' }), SubmittedIsFixed, 'title')
    await refuses(w.change('Rite', name, { rows: [] }), SubmittedIsFixed, 'rows')
    await refuses(w.change('Rite', name, { rows: [{ name: row?.name }, { word: 'b' }] }), SubmittedIsFixed, 'rows')
    await refuses(w.change('Rite', name, { rows: [{ name: row?.name, word: 'b' }] }), SubmittedIsFixed, 'rows[0].word')
    await refuses(w.change('Rite', name, { notes: [{ name: note?.name, word: 'b' }] }), SubmittedIsFixed, 'notes[0].word')
    await w.change('Rite', name, { open: 'o', rows: [{ name: row?.name, remark: 's' }], notes: [{ name: note?.name }, { word: 'more' }] })
    const after = await w.read('Rite', name)
    assert.equal(after.open, 'o')
    assert.equal((after.rows as { remark: string }[])[0]?.remark, 's')
    assert.deepEqual(
      (after.notes as { word: string; docstatus: number }[]).map(({ word, docstatus }) => [word, docstatus]),
      [
        ['n', 1],
        ['more', 1],
      ],
    )
  })

  test('what may be set only once can be filled later, and not changed then', async () => {
    const w = world()
    const { name } = await w.add('Rite')
    await w.change('Rite', name, { fixed: 'a' })
    await w.change('Rite', name, { fixed: 'a', title: 'again' })
    await refuses(w.change('Rite', name, { fixed: 'b' }), ConstantChanged, 'fixed')
    await refuses(w.change('Rite', name, { fixed: null }), ConstantChanged, 'fixed')
  })

  test('owner and creation stay as they were, whatever the caller says', async () => {
    const w = world()
    const made = await w.add('Rite', { owner: 'somebody@example.com', creation: '2001-01-01 00:00:00', modified_by: 'x', idx: 7 })
    assert.deepEqual([made.owner, made.modified_by, made.idx], ['Administrator', 'Administrator', 0])
    const changed = await w.change('Rite', made.name, { owner: 'somebody@example.com', creation: '2001-01-01 00:00:00', title: 'x' })
    assert.deepEqual([changed.owner, changed.creation], [made.owner, made.creation])
    assert.ok(changed.modified > made.modified)
  })

  test('a save over somebody else’s is refused and names the fields', async () => {
    const w = world()
    const { name } = await w.add('Rite', { title: 'one', rows: [{ word: 'a' }] })
    const mine = await w.read('Rite', name)
    await w.change('Rite', name, { title: 'theirs', rows: [] })
    mine.title = 'mine'
    const stale = await refuses(
      w.asSystem((ctx) => save(ctx, mine)),
      Stale,
    )
    assert.deepEqual([...(stale.data.fields as string[])].sort(), ['rows', 'title'])
    assert.equal(stale.data.modifiedBy, 'Administrator')
    await refuses(
      w.asSystem(async (ctx) => save(ctx, await open(ctx, name), { title: 'mine' }, { expected: '2001-01-01 00:00:00.000000' })),
      Stale,
    )
    assert.equal((await w.read('Rite', name)).title, 'theirs')
  })

  test('of many saves of one state at once, one is stored', async () => {
    const w = world()
    const { name, modified } = await w.add('Rite', { title: 'start' })
    const answers = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        w.asSystem(async (ctx) => save(ctx, await open(ctx, name), { title: `t${index}` }, { expected: modified })),
      ),
    )
    assert.equal(answers.filter((one) => one.status === 'fulfilled').length, 1)
    for (const one of answers) if (one.status === 'rejected') assert.ok(Stale.is(one.reason), String(one.reason))
  })

  test('comments and assignments made meanwhile survive a save of an older copy', async () => {
    const w = world()
    const { name } = await w.add('Rite', { title: 'one' })
    const mine = await w.read('Rite', name)
    await w.add('ToDo', { description: 'look', allocated_to: 'Administrator', reference_type: 'Rite', reference_name: name })
    mine.title = 'two'
    await w.asSystem((ctx) => save(ctx, mine))
    assert.equal((await w.rows('tabRite', 'name', name))[0]?._assign, '["Administrator"]')
  })

  test('a version keeps before and after, rows included', async () => {
    const w = world()
    const { name } = await w.add('Rite', { title: 'a', amount: '1.50', secret: 'x', rows: [{ word: 'stays' }, { word: 'goes' }] })
    const [first] = (await w.read('Rite', name)).rows as { name: string }[]
    await w.change('Rite', name, {
      title: 'b',
      amount: '2.5',
      secret: 'y',
      rows: [{ name: first?.name, word: 'changed' }, { word: 'new' }],
    })
    await w.change('Rite', name, { title: 'b' })
    const versions = await w.rows('tabVersion', 'docname', name)
    assert.equal(versions.length, 1, 'a save that changes nothing keeps no version')
    const changes = JSON.parse(String(versions[0]?.data)) as Changeset
    assert.deepEqual(changes.changed, [
      ['title', 'a', 'b'],
      ['amount', '1.5', '2.5'],
      ['secret', '***', '***'],
    ])
    assert.deepEqual(
      changes.added.map(([table, row]) => [table, row.word]),
      [['rows', 'new']],
    )
    assert.deepEqual(
      changes.removed.map(([table, row]) => [table, row.word]),
      [['rows', 'goes']],
    )
    assert.deepEqual(changes.row_changed, [['rows', 0, first?.name, [['word', 'stays', 'changed']]]])
  })

  test('every change leaves an audit entry with who, what and why', async () => {
    const w = world()
    await w.user('clerk@example.com', ['Clerk'])
    const { name } = await w.as('clerk@example.com', (ctx) => insert(ctx, 'Rite', { title: 'a' }))
    await w.as('clerk@example.com', async (ctx) => save(ctx.asSystem('the test says so'), await open(ctx, name), { title: 'b' }))
    await w.as('clerk@example.com', async (ctx) => submit(ctx, await open(ctx, name)))
    await w.as('clerk@example.com', async (ctx) => cancel(ctx, await open(ctx, name)))
    await w.as('clerk@example.com', (ctx) => remove(ctx, 'Rite', name))
    const entries = (await w.rows('tabAudit Entry', 'docname', name)).filter((entry) => entry.ref_doctype === 'Rite')
    assert.deepEqual(
      entries.map(({ action, user, elevation_reason }) => [action, user, elevation_reason]),
      [
        ['insert', 'clerk@example.com', null],
        ['update', 'clerk@example.com', 'the test says so'],
        ['submit', 'clerk@example.com', null],
        ['cancel', 'clerk@example.com', null],
        ['delete', 'clerk@example.com', null],
      ],
    )
    assert.deepEqual((JSON.parse(String(entries[1]?.changes)) as { changed: unknown }).changed, [['title', 'a', 'b']])
  })

  test('code reads and changes single fields by name; a change goes through the whole life cycle', async () => {
    const w = world()
    const { name } = await w.add('Rite', { title: 'a', amount: '2.5' })
    const calls = await w.trace(() => w.asSystem((ctx) => setValue(ctx, 'Rite', name, { title: 'b' })))
    assert.ok(events(calls).includes('validate'))
    const read = await w.asSystem((ctx) => getValue(ctx, 'Rite', name, ['title', 'amount', 'open']))
    assert.deepEqual({ ...read, amount: String(read?.amount) }, { title: 'b', amount: '2.5', open: null })
    assert.equal(await w.asSystem((ctx) => getValue(ctx, 'Rite', 'nothing', ['title'])), undefined)
  })

  test('values written past the life cycle are audited as well', async () => {
    const w = world()
    const { name } = await w.add('Rite', { title: 'a' })
    await w.asSystem((ctx) => writeThrough(ctx, 'Rite', name, { title: 'b' }))
    const entries = await w.rows('tabAudit Entry', 'docname', name)
    assert.deepEqual((JSON.parse(String(entries.at(-1)?.changes)) as { changed: unknown }).changed, [['title', 'a', 'b']])
  })

  test('effects wait for the commit, and go with what is undone', async () => {
    const w = world()
    const done: string[] = []
    const later = (ctx: Context, what: string) => ctx.afterCommit(() => void done.push(what))
    await w.asSystem(async (ctx) => {
      await insert(ctx, 'Rite', {})
      later(ctx, 'first')
      await assert.rejects(
        ctx.db.savepoint(async () => {
          later(ctx, 'undone')
          throw new HookFailed('undo')
        }),
      )
      ctx.afterCommit(() => {
        throw new Error('an effect that fails hurts no other')
      })
      later(ctx.asSystem('elevated'), 'last')
      assert.deepEqual(done, [])
    })
    assert.deepEqual(done, ['first', 'last'])
    await assert.rejects(
      w.asSystem(async (ctx) => {
        later(ctx, 'never')
        throw new HookFailed('no')
      }),
    )
    assert.deepEqual(done, ['first', 'last'])
  })

  test('a savepoint undoes its own writes alone', async () => {
    const w = world()
    const names = await w.asSystem(async (ctx) => {
      const kept = await insert(ctx, 'Rite', { title: 'kept' })
      let lost = ''
      await assert.rejects(
        ctx.db.savepoint(async () => {
          lost = (await insert(ctx, 'Rite', { title: 'lost' })).name
          throw new HookFailed('undo')
        }),
      )
      const next = await insert(ctx, 'Rite', { title: 'next' })
      assert.equal(next.name, lost, 'the counter was stepped back with the rest')
      return [kept.name, next.name]
    })
    const stored = await w.rows('tabRite')
    assert.deepEqual(
      stored.filter((row) => names.includes(String(row.name))).map((row) => row.title),
      ['kept', 'next'],
    )
    assert.equal(
      stored.some((row) => row.title === 'lost'),
      false,
    )
  })

  test('somebody without the right is refused at every verb, and nothing is written', async () => {
    const w = world()
    await w.user('stranger@example.com')
    const { name } = await w.add('Rite', { title: 'private' })
    const before = await w.snapshot()
    const verbs: ((ctx: Context) => Promise<unknown>)[] = [
      (ctx) => getDocument(ctx, 'Rite', name),
      (ctx) => insert(ctx, 'Rite', {}),
      async (ctx) => save(ctx, await w.read('Rite', name), { title: 'x' }),
      async (ctx) => submit(ctx, await w.read('Rite', name)),
      async (ctx) => discard(ctx, await w.read('Rite', name)),
      (ctx) => remove(ctx, 'Rite', name),
      (ctx) => rename(ctx, 'Rite', name, 'Mine'),
      (ctx) => writeThrough(ctx, 'Rite', name, { title: 'x' }),
    ]
    for (const verb of verbs) await assert.rejects(w.as('stranger@example.com', verb), { excType: 'PermissionError' })
    assert.deepEqual(await w.snapshot(), before)
  })
}
