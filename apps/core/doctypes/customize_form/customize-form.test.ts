import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { type TestSite, testSite } from '#testing/site.ts'

interface Form {
  doctype: string
  doc_type: string
  fields: (Record<string, unknown> & { fieldname: string })[]
  [property: string]: unknown
}

suite('customize form', () => {
  let site: TestSite
  let manager: string
  before(async () => {
    site = await testSite({ closedByCaller: true })
    manager = await site.user('manager@example.com', ['System Manager'])
  })
  after(() => site.close())

  /** What the desk does: sends the form, gets it back. */
  const run = (method: string, form: Partial<Form>, user = manager): Promise<Form> =>
    site.as(user, async (ctx) => {
      await callMethod(
        ctx,
        findMethod(ctx, 'run_doc_method'),
        { method, docs: JSON.stringify({ doctype: 'Customize Form', name: 'Customize Form', ...form }) },
        'POST',
      )
      return JSON.parse(JSON.stringify((ctx.answer.docs as object[])[0])) as Form
    })
  const fetched = () => run('fetch_to_customize', { doc_type: 'Note' })
  const counts = async () => {
    const { database } = site.site
    const count = async (table: string, column: string) =>
      (await database.query({ sql: `select * from "${table}" where "${column}" = 'Note'`, parameters: [] })).length
    return [await count('tabProperty Setter', 'doc_type'), await count('tabCustom Field', 'dt')]
  }

  test('the form shows the DocType, and saving it untouched writes nothing', async () => {
    const form = await fetched()
    assert.ok(form.fields.some((field) => field.fieldname === 'title' && field.reqd === 1 && field.is_custom_field === 0))
    await run('save_customization', form)
    assert.deepEqual(await counts(), [0, 0])
  })

  test('differences become property setters and custom fields, and work at once', async () => {
    const form = await fetched()
    form.max_attachments = 3
    const title = form.fields.find((field) => field.fieldname === 'title')
    Object.assign(title ?? {}, { label: 'Headline', reqd: 0 })
    form.fields.splice(form.fields.indexOf(title as never) + 1, 0, {
      label: 'Mood Today',
      fieldtype: 'Select',
      options: 'good\nbad',
    } as never)
    const saved = await run('save_customization', form)
    assert.deepEqual(await counts(), [3, 1])
    const place = saved.fields.findIndex((field) => field.fieldname === 'title')
    assert.deepEqual(
      [saved.fields[place]?.label, saved.fields[place + 1]?.fieldname, saved.fields[place + 1]?.is_custom_field],
      ['Headline', 'mood_today', 1],
    )
    const note = await site.asSystem((ctx) => insert(ctx, 'Note', { mood_today: 'good' }))
    assert.equal((note as AnyDocument).mood_today, 'good')
    await assert.rejects(
      site.asSystem((ctx) => insert(ctx, 'Note', { mood_today: 'so so' })),
      { field: 'mood_today' },
    )
    assert.equal((await site.site.meta.get('Note')).definition.max_attachments, 3)
    await run('save_customization', await fetched())
    assert.deepEqual(await counts(), [3, 1], 'saving again changes nothing')
  })

  test('what is put back as it was loses its setter; a custom field without a row goes', async () => {
    const form = await fetched()
    Object.assign(form.fields.find((field) => field.fieldname === 'title') ?? {}, { label: 'Title', reqd: 1 })
    form.fields = form.fields.filter((field) => field.fieldname !== 'mood_today')
    await run('save_customization', form)
    assert.deepEqual(await counts(), [1, 0])
  })

  test('another order of fields is kept', async () => {
    const form = await fetched()
    form.fields = [...form.fields].reverse()
    const saved = await run('save_customization', form)
    assert.deepEqual(
      saved.fields.map((field) => field.fieldname),
      form.fields.map((field) => field.fieldname),
    )
    await site.site.freshen()
    const meta = await site.site.meta.get('Note')
    assert.deepEqual(
      meta.fields.map((field) => field.fieldname),
      form.fields.map((field) => field.fieldname),
    )
  })

  test('a reset leaves the DocType as its app made it', async () => {
    const form = await fetched()
    form.fields.push({ label: 'Extra', fieldtype: 'Data' } as never)
    await run('save_customization', form)
    const reset = await run('reset_to_defaults', { doc_type: 'Note' })
    assert.deepEqual(await counts(), [0, 0])
    assert.equal(
      reset.fields.some((field) => field.fieldname === 'extra'),
      false,
    )
  })

  test('types that would lose values, definitions themselves and run-time DocTypes are refused, and nothing is written', async () => {
    const form = await fetched()
    form.max_attachments = 9
    Object.assign(form.fields.find((field) => field.fieldname === 'title') ?? {}, { fieldtype: 'Int' })
    await assert.rejects(run('save_customization', form), { code: 'meta/definition-invalid' })
    assert.deepEqual(await counts(), [0, 0])
    await assert.rejects(run('fetch_to_customize', { doc_type: 'DocField' }), { field: 'doc_type' })
    await assert.rejects(run('fetch_to_customize', {}), { field: 'doc_type' })
    await site.make('DocType', { name: 'Own', fields: [{ fieldname: 'a', fieldtype: 'Data' }], permissions: [] })
    await assert.rejects(run('save_customization', await run('fetch_to_customize', { doc_type: 'Own' })), { field: 'doc_type' })
  })

  test('somebody without the right to customize is refused', async () => {
    const stranger = await site.user('stranger@example.com', ['Desk User'])
    await assert.rejects(run('fetch_to_customize', { doc_type: 'Note' }, stranger), { excType: 'PermissionError' })
  })
})
