import assert from 'node:assert/strict'
import { test } from 'node:test'
import { where } from '#client/rules/predicate.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { MandatoryMissing } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { list } from '#kernel/query/list.ts'
import { sellingTown } from '#testing/crm.ts'
import { testDatabases } from '#testing/services.ts'
import { LeadConverted, NobodyNamed, OfAnotherOrganization, OnlyByConversion, PhoneRefused, PositionRefused } from '../errors.ts'
import type { Converted } from './convert-lead.ts'

interface Seen {
  kind: string
  doctype: string
  document: string
  content?: string
  subject?: string
  status?: string
  file_name?: string
  fields?: { field: string; before?: unknown; after?: unknown }[]
}

for (const { name: database } of testDatabases()) {
  const town = await sellingTown({ database })
  const { as, asSystem, make, sam, mona, uma, otto, fay } = town
  const north = { organization: 'North' }
  const lead = (values: Record<string, unknown> = {}, user = sam) =>
    as(user, (ctx) => insert(ctx, 'Lead', { ...north, first_name: 'Lea', ...values }))
  const read = (doctype: string, name: unknown, user = sam): Promise<AnyDocument> =>
    as(user, (ctx) => getDocument(ctx, doctype, String(name)))
  const change = (doctype: string, name: unknown, values: Record<string, unknown>, user = sam) =>
    as(user, async (ctx) => save(ctx, await openForWrite(ctx, doctype, String(name)), values))
  const convert = async (name: unknown, input: Record<string, unknown> = {}, user = sam): Promise<Converted> =>
    (await as(user, (ctx) => callDocumentMethod(ctx, 'Lead', String(name), 'convert', input, 'POST'))).result as Converted
  const refused = (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => kind.is(error) && (error as { field: string }).field === field)
  const timeline = async (doctype: string, name: unknown, user = sam, more: Record<string, unknown> = {}) =>
    (await as(user, (ctx) =>
      callMethod(ctx, findMethod(ctx, 'orchestrator.crm.timeline'), { doctype, name: String(name), ...more }, 'POST'),
    )) as { entries: Seen[]; cursor?: string }

  test(`${database}: a lead is called after the person, else the company, else the address; somebody must be named`, async () => {
    const names = [{ last_name: 'Berg' }, { first_name: null, company_name: 'Ada Ltd' }, { first_name: null, email: ' Ada@Example.com ' }]
    const made = await Promise.all(names.map((values) => lead(values)))
    assert.deepEqual(
      made.map((one) => one.lead_name),
      ['Lea Berg', 'Ada Ltd', 'ada@example.com'],
    )
    await refused(lead({ first_name: null }), NobodyNamed, 'first_name')
    await refused(lead({ mobile_no: '12' }), PhoneRefused, 'mobile_no')
    await refused(lead({ status: 'Unqualified' }), MandatoryMissing, 'lost_reason')
    await refused(lead({ status: 'Converted' }), OnlyByConversion, 'status')
  })

  test(`${database}: what only conversion writes is not taken from people`, async () => {
    const made = await lead({ converted: 1, deal: null, first_responded_on: '2026-01-01 00:00:00' })
    assert.deepEqual([made.converted, made.first_responded_on, made.status], [0, null, 'New'])
  })

  test(`${database}: a lead without an owner goes to who looks after its territory, or the one around it`, async () => {
    const coast = await make('Territory', { territory_name: 'Coast', is_group: 1, territory_manager: mona, ...north })
    const harbour = await make('Territory', { territory_name: 'Harbour', parent_territory: coast, ...north })
    assert.equal((await lead({ territory: harbour })).lead_owner, mona)
    assert.equal((await lead({ territory: harbour, lead_owner: sam })).lead_owner, sam)
  })

  test(`${database}: whoever is in charge finds the lead among what they have to do; a lead that came to nothing is done`, async () => {
    const made = await lead({ lead_owner: mona })
    const todos = () =>
      asSystem(async (ctx) =>
        findRows(ctx, await ctx.site.meta.get('ToDo'), where('reference_name', '=', made.name), {
          fields: ['name', 'allocated_to', 'status'],
        }),
      )
    assert.deepEqual(
      (await todos()).map((row) => [row.allocated_to, row.status]),
      [[mona, 'Open']],
    )
    await change('Lead', made.name, { status: 'Junk' })
    assert.deepEqual(
      (await todos()).map((row) => row.status),
      ['Closed'],
    )
  })

  test(`${database}: converting makes customer, contact and deal, and keeps what was said, done and attached`, async () => {
    const made = await lead({
      last_name: 'Berg',
      company_name: 'Berg GmbH',
      email: 'lea@berg.example',
      mobile_no: '+49 171 1234567',
      lead_owner: sam,
      currency: 'EUR',
      products: [{ product_name: 'Boiler', qty: 2, rate: 250, discount_percentage: 10 }],
    })
    await as(sam, async (ctx) => {
      const about = { reference_doctype: 'Lead', reference_name: made.name }
      await insert(ctx, 'Communication', { subject: 'Our offer', content: '<p>Hello</p>', communication_medium: 'Email', ...about })
      await insert(ctx, 'Communication', { subject: 'Call back', communication_medium: 'Phone', ...about })
      await insert(ctx, 'Comment', { content: 'Wants it soon', ...about })
      await insert(ctx, 'File', {
        file_name: 'plan',
        file_url: 'https://example.com/plan',
        attached_to_doctype: 'Lead',
        attached_to_name: made.name,
      })
    })
    await change('Lead', made.name, { job_title: 'Owner' })
    const { customer, contact, deal } = await convert(made.name, { deal: { expected_closure_date: '2027-01-31' } })

    const [who, person, sale, former] = [
      await read('Customer', customer),
      await read('Contact', contact),
      await read('Deal', deal),
      await read('Lead', made.name),
    ]
    assert.deepEqual(
      [who.customer_name, who.customer_type, who.lead_name, who.customer_primary_contact],
      ['Berg GmbH', 'Company', made.name, contact],
    )
    assert.deepEqual(
      [person.full_name, person.email_id, person.designation, person.mobile_key],
      ['Lea Berg', 'lea@berg.example', 'Owner', '+491711234567'],
    )
    assert.deepEqual(
      (person.links as AnyDocument[]).map((row) => [row.link_doctype, row.link_name]),
      [['Customer', customer]],
    )
    assert.deepEqual(
      [sale.lead, sale.customer, sale.deal_owner, String(sale.deal_value), sale.expected_closure_date],
      [made.name, customer, sam, '450', '2027-01-31'],
    )
    assert.deepEqual(
      [former.status, former.converted, former.customer, former.contact, former.deal],
      ['Converted', 1, customer, contact, deal],
    )

    const { entries } = await timeline('Deal', deal)
    const has = (kind: string, more: Partial<Seen>) =>
      assert.ok(
        entries.some((entry) => entry.kind === kind && Object.entries(more).every(([key, value]) => entry[key as keyof Seen] === value)),
        `${kind} ${JSON.stringify(more)} in ${JSON.stringify(entries.map(({ kind, doctype }) => [kind, doctype]))}`,
      )
    has('mail', { doctype: 'Lead', subject: 'Our offer' })
    has('call', { subject: 'Call back' })
    has('note', { content: 'Wants it soon' })
    has('file', { doctype: 'Deal', file_name: 'plan' })
    has('task', { doctype: 'Deal', status: 'Open' })
    has('stage', { doctype: 'Deal' })
    assert.ok(entries.some((entry) => entry.fields?.some(({ field, after }) => field === 'job_title' && after === 'Owner')))
    assert.equal(entries.filter((entry) => entry.subject === 'Our offer').length, 1, 'linked twice, told once')
    assert.ok((await timeline('Customer', customer)).entries.some((entry) => entry.subject === 'Our offer'))
    assert.ok((await timeline('Contact', contact)).entries.some((entry) => entry.subject === 'Call back'))

    await assert.rejects(convert(made.name), LeadConverted.is)
  })

  test(`${database}: a lead converted twice at once is converted once`, async () => {
    const made = await lead({ company_name: 'Twice Ltd' })
    const outcomes = await Promise.allSettled([convert(made.name), convert(made.name)])
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const { rows } = await as(sam, (ctx) =>
      list(ctx, 'Customer', { filters: { customer_name: 'Twice Ltd' }, wire: { version: 1, zone: 'UTC' } }),
    )
    assert.equal(rows.length, 1)
  })

  test(`${database}: an existing customer and contact are used, and without a deal there is none`, async () => {
    const customer = await make('Customer', { customer_name: 'Known Ltd', ...north })
    const contact = await make('Contact', { first_name: 'Known', ...north })
    const done = await convert((await lead()).name, { customer, contact, create_deal: false })
    assert.deepEqual(done, { customer, contact, deal: null })
    assert.equal(((await read('Contact', contact)).links as AnyDocument[]).length, 1)
  })

  test(`${database}: who may not make customers converts nothing, and nothing is left half done`, async () => {
    const maria = await town.person('maria', ['Marketing User'], ['North'])
    const made = await lead()
    await assert.rejects(convert(made.name, {}, maria), PermissionDenied.is)
    await assert.rejects(convert(made.name, {}, fay), PermissionDenied.is)
    assert.equal((await read('Lead', made.name)).converted, 0)
    const theirs = await make('Customer', { customer_name: 'Far Ltd', organization: 'South' })
    await refused(convert(made.name, { customer: theirs }, uma), OfAnotherOrganization, 'links[0].link_name')
    assert.equal((await read('Lead', made.name)).converted, 0)
  })

  test(`${database}: the first answer is noted, and whose turn it is`, async () => {
    const made = await lead()
    await as(sam, (ctx) => insert(ctx, 'Communication', { subject: 'Hello', reference_doctype: 'Lead', reference_name: made.name }))
    const answered = await read('Lead', made.name)
    assert.equal(answered.communication_status, 'Replied')
    assert.ok(answered.first_responded_on)
  })

  test(`${database}: a timeline tells nobody what they may not read`, async () => {
    const customer = await make('Customer', { customer_name: 'Quiet Ltd', ...north })
    await change('Customer', customer, { tax_id: 'DE123' }, mona)
    const made = await lead({ company_name: 'Quiet Ltd' })
    await as(sam, (ctx) => insert(ctx, 'Comment', { content: 'Between us', reference_doctype: 'Lead', reference_name: made.name }))
    await convert(made.name, { customer })
    const dora = await town.person('dora', ['Dispatcher'], ['North'])
    assert.ok((await timeline('Customer', customer, sam)).entries.some((entry) => entry.content === 'Between us'))
    const hers = (await timeline('Customer', customer, dora)).entries
    assert.deepEqual(
      hers.filter((entry) => entry.doctype !== 'Customer' && entry.doctype !== 'Contact'),
      [],
      'neither lead nor deal',
    )
    assert.ok(!JSON.stringify(hers).includes('DE123'))
    assert.ok(JSON.stringify((await timeline('Customer', customer, mona)).entries).includes('DE123'))
    await assert.rejects(timeline('Customer', customer, otto))
    await assert.rejects(timeline('Lead', made.name, dora), PermissionDenied.is)
  })

  test(`${database}: a timeline comes page by page, each entry once, the latest first`, async () => {
    const made = await lead()
    await as(sam, async (ctx) => {
      for (let number = 0; number < 23; number++)
        await insert(ctx, 'Comment', { content: `note ${number}`, reference_doctype: 'Lead', reference_name: made.name })
    })
    const whole = (await timeline('Lead', made.name, sam, { limit: 200, kinds: ['note'] })).entries
    assert.equal(whole.length, 23)
    const pages: Seen[] = []
    let before: string | undefined
    do {
      const page = await timeline('Lead', made.name, sam, { limit: 5, kinds: ['note'], ...(before && { before }) })
      pages.push(...page.entries)
      before = page.cursor
    } while (before)
    assert.deepEqual(pages, whole)
    await refused(timeline('Lead', made.name, sam, { kinds: ['secret'] }), { is: () => true }, 'kinds[0]')
    await refused(timeline('Lead', made.name, sam, { before: 'yesterday' }), { is: () => true }, 'before')
  })

  test(`${database}: a portal user sees the customer whose portal it is, its people and places, and nothing else`, async () => {
    const pia = await town.person('pia', ['Portal User'], ['North'])
    const mine = await make('Customer', { customer_name: 'Mine Ltd', portal_enabled: 1, portal_users: [{ user: pia }], ...north })
    const other = await make('Customer', { customer_name: 'Other Ltd', ...north })
    const at = (name: string) => [{ link_doctype: 'Customer', link_name: name }]
    const [hers, theirs] = [
      await make('Contact', { first_name: 'H', links: at(mine), ...north }),
      await make('Contact', { first_name: 'T', links: at(other), ...north }),
    ]
    const place = await make('Address', { address_line1: '1 Road', city: 'Kiel', links: at(mine), ...north })
    await make('Address', { address_line1: '2 Road', city: 'Kiel', links: at(other), ...north })
    const seen = async (doctype: string) =>
      (await as(pia, (ctx) => list(ctx, doctype, { wire: { version: 1, zone: 'UTC' }, limit: 0 }))).rows.map((row) => row.name)
    assert.deepEqual([await seen('Customer'), await seen('Contact'), await seen('Address')], [[mine], [hers], [place]])
    await assert.rejects(read('Contact', theirs, pia), PermissionDenied.is)
    await assert.rejects(change('Customer', mine, { customer_name: 'Changed' }, pia), PermissionDenied.is)
    await assert.rejects(
      as(pia, (ctx) => list(ctx, 'Lead', { wire: { version: 1, zone: 'UTC' } })),
      PermissionDenied.is,
    )
    await change('Customer', mine, { portal_users: [] }, mona)
    assert.deepEqual(await seen('Customer'), [], 'at once')
  })

  test(`${database}: an address is named after whose it is, and lies on this earth`, async () => {
    const customer = await make('Customer', { customer_name: 'Place Ltd', ...north })
    const links = [{ link_doctype: 'Customer', link_name: customer }]
    const address = (values: Record<string, unknown>) =>
      as(sam, (ctx) => insert(ctx, 'Address', { ...north, address_line1: '1 Road', city: 'Kiel', links, ...values }))
    const made = await address({ latitude: 54.32, longitude: 10.13 })
    assert.equal(made.address_title, 'Place Ltd')
    assert.deepEqual(JSON.parse(String(made.geolocation)).features[0].geometry.coordinates, [10.13, 54.32])
    await refused(address({ latitude: 91 }), PositionRefused, 'latitude')
    await refused(address({ longitude: -181 }), PositionRefused, 'longitude')
  })

  test(`${database}: a contact has one main address; the numbers of its tables are compared, too`, async () => {
    const made = await as(sam, (ctx) =>
      insert(ctx, 'Contact', {
        ...north,
        first_name: 'Cora',
        email_ids: [{ email_id: 'A@x.example' }, { email_id: 'b@x.example', is_primary: 1 }],
        phone_nos: [{ phone: '+49 30 901820', is_primary_phone: 1 }],
      }),
    )
    assert.deepEqual([made.email_id, made.phone, made.phone_key], ['b@x.example', '+49 30 901820', '+4930901820'])
    await refused(
      as(sam, (ctx) => insert(ctx, 'Contact', { ...north, first_name: 'Cora', phone_nos: [{ phone: '1' }] })),
      PhoneRefused,
      'phone_nos[0].phone',
    )
  })
}
