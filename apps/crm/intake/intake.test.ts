import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { where } from '#client/rules/predicate.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { ReceivedFile } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { testServer } from '#testing/server.ts'

const server = await testServer({ apps: ['crm'] })
const { as, asSystem, make, call, site } = server
await make('Organization', { organization_name: 'North', abbr: 'N' })
await make('Organization', { organization_name: 'South', abbr: 'S' })
const north = { organization: 'North' }
const sam = await server.user('sam@example.com', ['Sales User'])
await make('User Permission', { user: sam, allow: 'Organization', for_value: 'North' })
const source = await make('Lead Source', { source_name: 'Website', ...north })

const form = async (values: Record<string, unknown> = {}) => {
  const made = await asSystem((ctx) =>
    insert(ctx, 'Lead Form', { form_title: 'Ask us', is_published: 1, consent_text: 'You may call me.', source, ...north, ...values }),
  )
  return String(made.form_key)
}
const send = (body: Record<string, unknown>) => call('POST', '/api/method/orchestrator.crm.submit_lead_form', { body, as: '' })
const leads = (email: string) =>
  asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get('Lead'), where('email', '=', email), { orderBy: [['creation', 'asc']] }))
const letters = (lead: unknown) =>
  asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get('Communication'), where('reference_name', '=', String(lead))))

test('a stranger becomes a lead of the form’s organization, with what was agreed to and what was written', async () => {
  const key = await form({ lead_owner: sam })
  const shown = await call('GET', `/api/method/orchestrator.crm.lead_form?form=${key}`, { as: '' })
  assert.deepEqual(shown.json.message, { title: 'Ask us', consent_required: true, consent_text: 'You may call me.' })
  const answer = await send({
    form: key,
    first_name: 'Nora',
    email: 'Nora@X.example',
    message: '<b>Hi</b>\nthere',
    consent: true,
    organization: 'South',
    status: 'Converted',
  })
  assert.deepEqual([answer.status, answer.json.message], [200, { thanks: 'Thank you.' }])
  const [lead] = await leads('nora@x.example')
  assert.deepEqual(
    [
      lead?.organization,
      lead?.lead_name,
      lead?.source,
      lead?.lead_owner,
      lead?.status,
      lead?.consent_text,
      Boolean(lead?.consent_given_on),
    ],
    ['North', 'Nora', source, sam, 'New', 'You may call me.', true],
  )
  const [letter] = await letters(lead?.name)
  assert.deepEqual([letter?.content, letter?.sent_or_received], ['<p>&lt;b&gt;Hi&lt;/b&gt;<br>there</p>', 'Received'])
})

test('who writes again joins the open lead, and learns nothing by it', async () => {
  const key = await form()
  const first = await send({ form: key, first_name: 'Omar', email: 'omar@x.example', message: 'One', consent: true })
  const second = await send({ form: key, first_name: 'Somebody', email: 'OMAR@x.example', message: 'Two', consent: true })
  assert.deepEqual(second.json, first.json)
  const found = await leads('omar@x.example')
  assert.deepEqual([found.length, found[0]?.first_name, (await letters(found[0]?.name)).length], [1, 'Omar', 2])
})

test('a program that fills in what people do not see is thanked for nothing', async () => {
  const answer = await send({
    form: await form(),
    first_name: 'Bot',
    email: 'bot@x.example',
    consent: true,
    website_address: 'http://spam.example',
  })
  assert.deepEqual([answer.status, answer.json.message], [200, { thanks: 'Thank you.' }])
  assert.deepEqual(await leads('bot@x.example'), [])
})

test('without consent, without a name, with a wrong number or to no open form nothing is taken', async () => {
  const key = await form()
  const refused = async (body: Record<string, unknown>, code: string, field: string) => {
    const answer = await call('POST', '/api/v2/method/orchestrator.crm.submit_lead_form', {
      body: { email: 'no@x.example', consent: true, ...body },
      as: '',
    })
    assert.deepEqual([answer.json.errors?.[0]?.code, answer.json.errors?.[0]?.field], [code, field], answer.text)
  }
  await refused({ form: key, consent: false }, 'crm/consent-needed', 'consent')
  await refused({ form: key, email: '' }, 'crm/nobody-named', 'first_name')
  await refused({ form: key, phone: 'soon' }, 'crm/phone-refused', 'phone')
  await refused({ form: key, message: 'x'.repeat(10_001) }, 'method/bad-input', 'message')
  await refused({ form: await form({ is_published: 0 }) }, 'crm/form-unknown', 'form')
  await refused({ form: 'guessed' }, 'crm/form-unknown', 'form')
  assert.deepEqual(await leads('no@x.example'), [])
})

test('one network may answer so often and no more', async () => {
  const key = await form({ hourly_limit: 3 })
  const statuses: number[] = []
  for (let number = 0; number < 5; number++) statuses.push((await send({ form: key, email: `n${number}@x.example`, consent: true })).status)
  assert.deepEqual(statuses, [200, 200, 200, 429, 429])
})

test('sellers see forms and do not publish them', async () => {
  await assert.rejects(
    as(sam, (ctx) => insert(ctx, 'Lead Form', { form_title: 'Mine', ...north })),
    PermissionDenied.is,
  )
  const [one] = await asSystem(async (ctx) =>
    findRows(ctx, await ctx.site.meta.get('Lead Form'), where('is_published', '=', 0), { limit: 1 }),
  )
  await assert.rejects(
    as(sam, (ctx) => openForWrite(ctx, 'Lead Form', String(one?.name))),
    PermissionDenied.is,
  )
  const kept = await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Lead Form', String(one?.name)), { form_key: 'mine' }))
  assert.notEqual(kept.form_key, 'mine')
})

test('a file of leads comes in with headings mapped by hand; a row of another organization or without a name hinders no other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'orc-leads-'))
  after(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'leads.csv')
  const text =
    'Who,Firm,Mail,Tenant\nIda,Ada Ltd,ida@csv.example,North\nOlga,Far Ltd,olga@csv.example,South\n,,,North\nUwe,,uwe@csv.example,North\n'
  await writeFile(path, text)
  const name = await as(sam, async (ctx) => {
    const received = new ReceivedFile(path, 'leads.csv', Buffer.byteLength(text), 'ab'.repeat(32))
    const file = await storeFile(ctx, received, { isPrivate: true })
    const columns = { '0': 'first_name', '1': 'company_name', '2': 'email', '3': 'organization' }
    const given = {
      reference_doctype: 'Lead',
      import_type: 'Insert New Records',
      import_file: file.file_url,
      template_options: JSON.stringify({ column_to_field_map: columns }),
    }
    return String((await insert(ctx, 'Data Import', given)).name)
  })
  const start = 'frappe.core.doctype.data_import.data_import.form_start_import'
  await as(sam, (ctx) => callMethod(ctx, findMethod(ctx, start), { data_import: name }, 'POST'))
  await new Worker({ sites: async () => [site], pollMs: 50 }).drain()
  assert.deepEqual(
    (await Promise.all(['ida', 'olga', 'uwe'].map((who) => leads(`${who}@csv.example`)))).map((found) =>
      found.map(({ lead_name }) => lead_name),
    ),
    [['Ida'], [], ['Uwe']],
  )
})
