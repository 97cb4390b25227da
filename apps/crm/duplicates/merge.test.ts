import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { exists, getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { sellingTown } from '#testing/crm.ts'
import { testDatabases } from '#testing/services.ts'
import { HistoryIsFixed, MergeRefused, UndoRefused } from '../errors.ts'
import type { Duplicate } from './find-duplicates.ts'
import type { Undone } from './undo-merge.ts'

const day = 86_400_000

for (const { name: database } of testDatabases()) {
  let now = Date.UTC(2026, 10, 2, 9)
  const town = await sellingTown({ database, clock: { now: () => now } })
  const { as, asSystem, make, site, sam, mona, uma, otto } = town
  const north = { organization: 'North' }
  await make('DocType', {
    name: 'Job Sheet',
    module: 'CRM',
    custom: 1,
    is_submittable: 1,
    fields: [
      { fieldname: 'customer', fieldtype: 'Link', options: 'Customer', label: 'Customer' },
      { fieldname: 'contact', fieldtype: 'Link', options: 'Contact', label: 'Contact' },
    ],
    permissions: [{ role: 'System Manager', read: 1, write: 1, create: 1, submit: 1 }],
  })
  const read = (doctype: string, name: string, user = mona): Promise<AnyDocument> => as(user, (ctx) => getDocument(ctx, doctype, name))
  const change = (doctype: string, name: string, values: Record<string, unknown>) =>
    as(mona, async (ctx) => save(ctx, await openForWrite(ctx, doctype, name), values))
  const merge = async (
    doctype: string,
    kept: string,
    absorbed: string,
    more: Record<string, unknown> = {},
    user = mona,
  ): Promise<string> => {
    const input = { doctype, kept, absorbed, ...more }
    const answer = await as(user, (ctx) => callMethod(ctx, findMethod(ctx, 'orchestrator.crm.merge'), input, 'POST'))
    return (answer as { merge: string }).merge
  }
  const undo = async (name: string, user = mona): Promise<Undone> =>
    (await as(user, (ctx) => callDocumentMethod(ctx, 'CRM Merge', name, 'undo', {}, 'POST'))).result as Undone
  const link = (customer: string) => [{ link_doctype: 'Customer', link_name: customer }]

  /** Every row of every document, except what only grows: the records of the merge and of what was done. */
  const fingerprint = () =>
    asSystem(async (ctx) => {
      const hash = createHash('sha256')
      for (const meta of (await ctx.site.meta.all()).sort((one, other) => (one.name < other.name ? -1 : 1))) {
        if (meta.isVirtual || meta.isSingle || /^(Audit |CRM Merge$)/.test(meta.name)) continue
        const rows = await ctx.db.query<Row>(ctx.db.dialect.compile(sql`select * from ${ident(meta.table)} order by name`))
        hash.update(`${meta.name}\n${JSON.stringify(rows, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}\n`)
      }
      return hash.digest('hex')
    })

  /** Two records of one customer, the second with all that can point at a customer. */
  async function pair() {
    const kept = await make('Customer', { customer_name: 'Ada Ltd', email_id: 'ada@x.example', ...north })
    const absorbed = await make('Customer', {
      customer_name: 'Ada Limited',
      email_id: 'office@x.example',
      mobile_no: '+49 171 1234567',
      website: 'https://ada.example',
      annual_revenue: '1234567.89',
      customer_details: 'ünïcode – "quoted"\nline',
      portal_users: [{ user: sam }],
      ...north,
    })
    const contact = await make('Contact', { first_name: 'Ada', links: link(absorbed), ...north })
    const deal = await make('Deal', { party_name: absorbed, deal_value: '99.95', ...north })
    const sheet = await asSystem(async (ctx) => submit(ctx, await insert(ctx, 'Job Sheet', { customer: absorbed, contact })))
    await as(sam, async (ctx) => {
      const about = { reference_doctype: 'Customer', reference_name: absorbed }
      await insert(ctx, 'Comment', { content: 'Knows us', ...about })
      await insert(ctx, 'Communication', { subject: 'Hello', ...about })
      await insert(ctx, 'ToDo', { description: 'Call', allocated_to: sam, reference_type: 'Customer', reference_name: absorbed })
      await insert(ctx, 'File', {
        file_name: 'p',
        file_url: 'https://example.com/p',
        attached_to_doctype: 'Customer',
        attached_to_name: absorbed,
      })
    })
    await make('User Permission', { user: otto, allow: 'Customer', for_value: absorbed })
    await change('Customer', absorbed, { industry: 'Heating' })
    return { kept, absorbed, contact, deal, sheet: String(sheet.name) }
  }

  test(`${database}: a merge re-points every link, and undoing it restores every row to the byte`, async () => {
    const { kept, absorbed, contact, deal, sheet } = await pair()
    const before = await fingerprint()
    const done = await merge('Customer', kept, absorbed)
    assert.notEqual(await fingerprint(), before)
    const one = await read('Customer', kept)
    assert.deepEqual(
      [one.customer_name, one.email_id, one.mobile_no, one.mobile_key, one.website, String(one.annual_revenue), one.industry],
      ['Ada Ltd', 'ada@x.example', '+49 171 1234567', '+491711234567', 'https://ada.example', '1234567.89', 'Heating'],
    )
    assert.equal((one.portal_users as unknown[]).length, 1)
    await assert.rejects(read('Customer', absorbed), DocumentNotFound.is)
    const sold = await read('Deal', deal)
    assert.deepEqual([sold.customer, sold.party_name], [kept, kept])
    assert.equal((((await read('Contact', contact)).links as AnyDocument[])[0] as AnyDocument).link_name, kept)
    assert.equal((await asSystem((ctx) => getDocument(ctx, 'Job Sheet', sheet))).customer, kept)
    for (const [doctype, field] of [
      ['Comment', 'reference_name'],
      ['Communication', 'reference_name'],
      ['ToDo', 'reference_name'],
      ['File', 'attached_to_name'],
      ['User Permission', 'for_value'],
    ] as const) {
      const found = await asSystem((ctx) => list(ctx, doctype, { filters: { [field]: kept }, wire: { version: 1, zone: 'UTC' } }))
      assert.ok(found.rows.length > 0, doctype)
    }
    now += 29 * day
    const back = await undo(done)
    now -= 29 * day
    assert.deepEqual([back.restored, back.links_left], [absorbed, 0])
    assert.ok(back.links_moved >= 9, String(back.links_moved))
    assert.equal(await fingerprint(), before)
    await assert.rejects(undo(done), UndoRefused.is)
  })

  test(`${database}: what people did after the merge stays done when it is undone`, async () => {
    const { kept, absorbed, deal } = await pair()
    const done = await merge('Customer', kept, absorbed)
    await change('Customer', kept, { website: 'https://new.example' })
    const third = await make('Customer', { customer_name: 'Third', ...north })
    await change('Deal', deal, { party_name: third })
    const later = await make('Contact', { first_name: 'Later', links: link(kept), ...north })
    const back = await undo(done)
    assert.equal(back.links_left, 2, 'customer and party of the deal')
    const [one, other] = [await read('Customer', kept), await read('Customer', absorbed)]
    assert.deepEqual([one.website, one.mobile_no, other.website], ['https://new.example', null, 'https://ada.example'])
    assert.equal((await read('Deal', deal)).customer, third)
    assert.equal(((await read('Contact', later)).links as AnyDocument[])[0]?.link_name, kept)
    assert.ok((await change('Customer', absorbed, { website: null })).name, 'and is saved as ever')
  })

  test(`${database}: merges are undone in the opposite order, within their time, and then forgotten`, async () => {
    const [a, b, c] = [
      await make('Contact', { first_name: 'A', ...north }),
      await make('Contact', { first_name: 'B', ...north }),
      await make('Contact', { first_name: 'C', ...north }),
    ]
    const before = await fingerprint()
    const [first, second] = [await merge('Contact', b, a), await merge('Contact', c, b)]
    await assert.rejects(undo(first), UndoRefused.is)
    await undo(second)
    await undo(first)
    assert.equal(await fingerprint(), before)
    const last = await merge('Contact', b, a)
    now += 31 * day
    await assert.rejects(undo(last), UndoRefused.is)
    await asSystem((ctx) => enqueue(ctx, 'crm.close-merges', {}))
    await new Worker({ sites: async () => [site], pollMs: 50 }).drain()
    now -= 31 * day
    const closed = await asSystem((ctx) => getDocument(ctx, 'CRM Merge', last))
    assert.deepEqual([closed.state, closed.journal], ['Final', null])
    await assert.rejects(undo(last), UndoRefused.is)
  })

  test(`${database}: a field is taken from the other one on request; tables lose nothing and double nothing`, async () => {
    const contact = (name: string, emails: string[]) =>
      make('Contact', { first_name: name, designation: name, email_ids: emails.map((email_id) => ({ email_id })), ...north })
    const [kept, absorbed] = [await contact('Ann', ['a@x.example', 'b@x.example']), await contact('Anne', ['b@x.example', 'c@x.example'])]
    const before = await fingerprint()
    const done = await merge('Contact', kept, absorbed, { take: ['designation'] })
    const one = await read('Contact', kept)
    assert.deepEqual([one.designation, one.full_name, one.email_id], ['Anne', 'Ann', 'a@x.example'])
    assert.deepEqual(
      (one.email_ids as AnyDocument[]).map((row) => [row.email_id, row.is_primary, row.idx]),
      [
        ['a@x.example', 1, 1],
        ['b@x.example', 0, 2],
        ['c@x.example', 0, 3],
      ],
    )
    await undo(done)
    assert.equal(await fingerprint(), before)
  })

  test(`${database}: who may not, and what does not fit, is refused and leaves everything as it was`, async () => {
    const [kept, absorbed] = [
      await make('Customer', { customer_name: 'Kay', ...north }),
      await make('Customer', { customer_name: 'Kaye', ...north }),
    ]
    const theirs = await make('Customer', { customer_name: 'Kay', organization: 'South' })
    const before = await fingerprint()
    await assert.rejects(merge('Customer', kept, absorbed, {}, sam), PermissionDenied.is, 'may not delete')
    await assert.rejects(merge('Customer', kept, absorbed, {}, otto), DocumentNotFound.is)
    const refused = (field: string, work: Promise<unknown>) =>
      assert.rejects(work, (error) => MergeRefused.is(error) && error.field === field, field)
    await refused('absorbed', merge('Customer', kept, theirs, {}, uma))
    await refused('absorbed', merge('Customer', kept, kept))
    await refused('doctype', merge('Deal', kept, absorbed))
    await refused('take[1]', merge('Customer', kept, absorbed, { take: ['website', 'owner'] }))
    assert.equal(await fingerprint(), before)
    const done = await merge('Customer', kept, absorbed)
    await assert.rejects(undo(done, sam), PermissionDenied.is)
    await assert.rejects(undo(done, otto), DocumentNotFound.is)
    assert.ok(!('journal' in (await as(mona, (ctx) => list(ctx, 'CRM Merge', { wire: { version: 1, zone: 'UTC' } }))).rows[0]!))
    const forged = { journal: '{"absorbed":[],"moved":[],"filled":{"before":{},"after":{}},"added":[]}' }
    await assert.rejects(
      as(mona, async (ctx) => save(ctx, await openForWrite(ctx, 'CRM Merge', done), forged)),
      HistoryIsFixed.is,
    )
    // A form may send its unsaved state along with a verb; what is undone is what was stored.
    const overlaid = async (document: AnyDocument) => void Object.assign(document, forged, { absorbed: theirs })
    await as(mona, (ctx) => callDocumentMethod(ctx, 'CRM Merge', done, 'undo', {}, 'POST', overlaid))
    assert.ok(await asSystem((ctx) => exists(ctx, 'Customer', absorbed)))
  })

  test(`${database}: duplicates are found by address, number and name, each with its reason, among what one may read`, async () => {
    const find = (input: Record<string, unknown>, user = sam) =>
      as(user, (ctx) => callMethod(ctx, findMethod(ctx, 'orchestrator.crm.find_duplicates'), input, 'POST')) as Promise<Duplicate[]>
    const stored = await make('Lead', {
      first_name: 'Jonathan',
      last_name: 'Smithson',
      email: 'jon@smith.example',
      mobile_no: '+1 415 555 2671',
      ...north,
    })
    await make('Lead', { first_name: 'Jonathan', last_name: 'Smithson', email: 'jon@smith.example', organization: 'South' })
    const among = async (values: Record<string, unknown>) =>
      (await find({ doctype: 'Lead', values: { ...north, ...values } })).map(({ name, reasons }) => [name, reasons.map(({ kind }) => kind)])
    assert.deepEqual(await among({ email: 'JON@smith.example' }), [[stored, ['email']]])
    assert.deepEqual(await among({ first_name: 'X', phone: '001 (415) 555-2671' }), [[stored, ['phone']]])
    assert.deepEqual(await among({ first_name: 'Smithson', last_name: 'Jonathon' }), [[stored, ['name']]])
    assert.deepEqual(await among({ first_name: 'Somebody', last_name: 'Else', phone: '5' }), [])
    const [same] = await find({
      doctype: 'Lead',
      values: { ...north, first_name: 'Jonathan', last_name: 'Smithson', mobile_no: '+14155552671' },
    })
    assert.ok(same && same.score > 0.98 && same.reasons.length === 2)
    assert.deepEqual(await find({ doctype: 'Lead', name: stored }), [], 'not itself')
    await make('Contact', { first_name: 'Jon', email_ids: [{ email_id: 'jon@smith.example' }], ...north })
    assert.deepEqual(
      (await find({ doctype: 'Lead', name: stored, among: ['Lead', 'Contact'] })).map(({ doctype }) => doctype),
      ['Contact'],
    )
  })
}
