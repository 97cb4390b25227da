import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { setValue } from '#kernel/documents/values.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { MethodDenied } from '#kernel/methods/errors.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { searchLink } from '#kernel/query/search-link.ts'
import { search } from '#kernel/search/search.ts'
import { clinic, type PersonName } from '#testing/health.ts'
import { connect } from '#testing/realtime/radio-site.ts'
import { testDatabases } from '#testing/services.ts'
import { AccessNotNeeded, NotShared, PatientUnknown, ReviewRefused, ValueRefused } from '../errors.ts'

const wire = { version: 1, zone: 'UTC' } as const

for (const { name: database } of testDatabases()) {
  let now = Date.UTC(2026, 10, 2, 9)
  const world = await clinic({ database, clock: { now: () => now } })
  const { as, asSystem, people, patient, stranger, foreigner, practitioner, call, keyOf } = world
  const keys = Object.fromEntries(
    await Promise.all(Object.entries(people).map(async ([name, user]) => [name, await keyOf(user)])),
  ) as Record<PersonName, string>
  const vitals = await world.make('Vital Signs', {
    patient,
    practitioner,
    organization: 'North',
    pulse: 70,
    signs_date: '2026-11-01',
    signs_time: '08:00:00',
  })
  await world.make('Clinical Note', { patient, practitioner, organization: 'North', note: 'Zimtstern sleeps badly', note_type: 'Progress' })
  const report = await world.make('Report', {
    report_name: 'Patients',
    ref_doctype: 'Patient',
    report_type: 'Query Report',
    is_standard: 'No',
    roles: [{ role: 'All' }],
    query: 'select name, patient_name from `tabPatient`',
  })
  const method = (who: PersonName, path: string, input: Record<string, unknown>, verb: 'GET' | 'POST' = 'POST') =>
    as(people[who], (ctx) => callMethod(ctx, findMethod(ctx, `orchestrator.health.${path}`), input, verb))
  const names = (who: PersonName, doctype = 'Patient') =>
    as(people[who], async (ctx) => (await list(ctx, doctype, { fields: ['name'], orderBy: 'name asc', wire })).rows.map(({ name }) => name))
  const refused = (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => {
      assert.ok(kind.is(error), String(error))
      assert.equal((error as { field: string }).field, field)
      return true
    })
  /** What was written down while something happened. */
  const logged = async (work: () => Promise<unknown>) => {
    const before = (await world.lines()).length
    await work()
    return (await world.lines()).slice().length - before
  }

  test(`${database}: patients are seen within the organization AND the care team, never by one of the two`, async () => {
    assert.deepEqual(await names('dora'), [patient])
    assert.deepEqual(await names('nils'), [patient])
    assert.deepEqual(await names('petra'), [])
    assert.deepEqual(await names('otto'), [foreigner])
    assert.deepEqual(await names('adam'), [patient, stranger])
    assert.deepEqual(await names('mira'), [patient, stranger])
    assert.deepEqual(await names('ann'), [patient])
    assert.deepEqual(await names('dora', 'Vital Signs'), [vitals])
    assert.deepEqual(await names('petra', 'Vital Signs'), [])
    // In the team of a patient of another organization: the wall holds.
    await asSystem(async (ctx) => {
      await ctx.db.execute(
        ctx.db.dialect.compile(
          sql`update ${sql.id('tabPatient Care Team')} set ${sql.id('user')} = ${people.dora} where parent = ${foreigner}`,
        ),
      )
    })
    assert.deepEqual(await names('dora'), [patient])
    await asSystem(async (ctx) => {
      await ctx.db.execute(
        ctx.db.dialect.compile(
          sql`update ${sql.id('tabPatient Care Team')} set ${sql.id('user')} = ${people.otto} where parent = ${foreigner}`,
        ),
      )
    })
  })

  test(`${database}: nobody else gets at a patient by any path, not even who runs the site`, async () => {
    for (const who of ['stan', 'rita', 'pia', 'lara'] as const) {
      const get = async (path: string) => call('GET', path, { as: keys[who] })
      for (const path of [
        `/api/resource/Patient/${patient}`,
        '/api/resource/Patient',
        `/api/v2/document/Patient/${patient}`,
        '/api/v2/document/Patient',
      ]) {
        const { status, text } = await get(path)
        assert.ok(status === 403 || status === 404, `${who} ${path} ${status}`)
        assert.ok(!text.includes('Zimtstern'))
      }
      await assert.rejects(
        as(people[who], (ctx) => searchLink(ctx, { doctype: 'Patient', wire })),
        (error) => PermissionDenied.is(error),
      )
      assert.deepEqual((await as(people[who], (ctx) => search(ctx, { text: 'Zimtstern', wire }))).hits, [])
      const run = await call('POST', '/api/method/frappe.desk.query_report.run', { as: keys[who], body: { report_name: report } })
      assert.equal(run.status, 403)
      const print = await get(`/printview?doctype=Patient&name=${patient}`)
      assert.ok(!print.text.includes('Zimtstern'))
    }
    // What the platform keeps about documents, for who runs the site.
    await as(people.dora, async (ctx) => save(ctx, await openForWrite(ctx, 'Patient', patient), { medical_history: 'secretword' }))
    for (const doctype of ['Version', 'Audit%20Entry', 'Deleted%20Document']) {
      const { status, text } = await call('GET', `/api/resource/${doctype}?fields=["*"]&limit_page_length=500`, { as: keys.stan })
      assert.equal(status, 200)
      assert.ok(!text.includes('secretword'), doctype)
    }
    assert.match((await call('GET', '/api/resource/Version?fields=["*"]&limit_page_length=500')).text, /secretword/)
  })

  test(`${database}: a patient is not opened by a share, nor by pointing a link at them`, async () => {
    const share = { share_doctype: 'Patient', share_name: patient, user: people.rita, read: 1 }
    await refused(
      as(people.dora, (ctx) => insert(ctx.asSystem('test'), 'DocShare', share)),
      NotShared,
      'share_doctype',
    )
    const values = { patient, practitioner, organization: 'North', appointment_date: '2026-11-03', appointment_time: '09:00', duration: 10 }
    await assert.rejects(
      as(people.petra, (ctx) => insert(ctx, 'Patient Appointment', values)),
      (error) => LinkNotFound.is(error) || PermissionDenied.is(error),
    )
    const notes = { patient: stranger, organization: 'North', note: 'x', note_type: 'Progress' }
    await assert.rejects(
      as(people.dora, (ctx) => insert(ctx, 'Clinical Note', notes)),
      (error) => LinkNotFound.is(error) || PermissionDenied.is(error),
    )
  })

  test(`${database}: identifiers are shown to clinicians, and disguised to who only keeps records`, async () => {
    const shown = async (who: PersonName) => (await call('GET', `/api/resource/Patient/${patient}`, { as: keys[who] })).json.data
    assert.equal((await shown('dora')).uid, 'AB-1950-777')
    const { uid, mobile } = await shown('mira')
    assert.ok(uid !== 'AB-1950-777' && mobile !== '+49 30 5550100', `${uid} ${mobile}`)
    const filtered = await call('GET', `/api/resource/Patient?filters=[["uid","=","AB-1950-777"]]`, { as: keys.mira })
    assert.equal(filtered.status, 403)
  })

  test(`${database}: each path leaves one line for each document`, async () => {
    const path = encodeURIComponent
    const paths: [how: string, work: () => Promise<unknown>][] = [
      ['read', () => call('GET', `/api/resource/Patient/${patient}`, { as: keys.dora })],
      ['read', () => call('GET', `/api/v2/document/Patient/${patient}`, { as: keys.dora })],
      ['read', () => call('GET', `/api/method/frappe.desk.form.load.getdoc?doctype=Patient&name=${patient}`, { as: keys.dora })],
      ['list', () => call('GET', '/api/resource/Patient', { as: keys.dora })],
      ['list', () => call('POST', '/api/method/frappe.client.get_list', { as: keys.dora, body: { doctype: 'Patient', fields: ['sex'] } })],
      [
        'list',
        () => call('GET', `/api/method/frappe.client.get_value?doctype=Patient&fieldname=sex&filters=${patient}`, { as: keys.dora }),
      ],
      [
        'list',
        () =>
          call('POST', '/api/method/frappe.client.get_list', {
            as: keys.dora,
            body: { doctype: 'Patient Allergy', parent: 'Patient', fields: ['substance'] },
          }),
      ],
      [
        'link',
        () => call('POST', '/api/method/frappe.desk.search.search_link', { as: keys.dora, body: { doctype: 'Patient', txt: 'Zimt' } }),
      ],
      ['search', () => as(people.dora, (ctx) => search(ctx, { text: 'Zimtstern', doctypes: ['Patient'], wire }))],
      ['report', () => call('POST', '/api/method/frappe.desk.query_report.run', { as: keys.dora, body: { report_name: report } })],
      [
        'export',
        () =>
          call('POST', '/api/method/frappe.desk.reportview.export_query', {
            as: keys.adam,
            body: { doctype: 'Patient', fields: ['name', 'patient_name'], file_format_type: 'CSV', filters: { name: patient } },
          }),
      ],
      ['print', () => call('GET', `/printview?doctype=Patient&name=${patient}`, { as: keys.dora })],
    ]
    for (const [how, work] of paths) {
      const before = await world.lines()
      const answer = (await work()) as { status?: number; text?: string } | undefined
      if (answer?.status !== undefined) assert.equal(answer.status, 200, `${how}: ${answer.text}`)
      const after = await world.lines()
      const fresh = [
        ...Map.groupBy(after, (line) => `${line.user}|${line.access_doctype}|${line.document_name}|${line.action}|${line.patient}`),
      ]
        .map(
          ([key, rows]) =>
            [
              key,
              rows.length -
                before.filter((line) => `${line.user}|${line.access_doctype}|${line.document_name}|${line.action}|${line.patient}` === key)
                  .length,
            ] as const,
        )
        .filter(([, count]) => count > 0)
      const user = how === 'export' ? people.adam : people.dora
      assert.deepEqual(fresh, [[`${user}|Patient|${patient}|${how}|${patient}`, 1]], how)
    }
    assert.equal(path('x'), 'x')
  })

  test(`${database}: whoever begins to listen to a patient's record leaves a line; who may not read it hears nothing`, async () => {
    const ear = (who: PersonName) => connect(world.url, world.site.host, { authorization: keys[who] })
    const count = async () => (await world.lines()).filter(({ action }) => action === 'realtime').length
    const before = await count()
    assert.deepEqual(await (await ear('nils')).say('doc_subscribe', 'Patient', patient), { ok: true })
    assert.equal(await count(), before + 1)
    for (const who of ['petra', 'stan', 'otto'] as const)
      assert.equal((await (await ear(who)).say('doc_subscribe', 'Patient', patient)).ok, false, who)
    assert.equal(await count(), before + 1)
  })

  test(`${database}: files of a patient are their readers' alone, and looking at one is written down`, async () => {
    const upload = new FormData()
    upload.set('file', new Blob(['xray']), 'xray.txt')
    upload.set('doctype', 'Patient')
    upload.set('docname', patient)
    upload.set('is_private', '0')
    const sent = await fetch(`${world.url}/api/method/upload_file`, { method: 'POST', headers: { authorization: keys.dora }, body: upload })
    const { message } = (await sent.json()) as { message: { file_url: string; is_private: number } }
    assert.equal(sent.status, 200)
    assert.match(message.file_url, /^\/private\//)
    const get = (as: string) => call('GET', message.file_url, { as })
    const before = (await world.lines()).filter(({ action }) => action === 'file').length
    assert.equal((await get(keys.nils)).text, 'xray')
    assert.equal((await world.lines()).filter(({ action }) => action === 'file').length, before + 1)
    for (const who of ['petra', 'stan', 'rita'] as const) assert.ok((await get(keys[who])).status >= 400, who)
    // Not even to whoever put it there, once they no longer treat the patient.
    const team = (to_date: string | null) =>
      asSystem((ctx) =>
        setValue(ctx, 'Patient', patient, { care_team: [{ user: people.dora, from_date: '2026-01-01', to_date }, { user: people.nils }] }),
      )
    await team('2026-10-01')
    assert.ok((await get(keys.dora)).status >= 400)
    await team(null)
    assert.equal((await get(keys.dora)).status, 200)
  })

  test(`${database}: the platform's own reads, refused ones and figures show nobody, and say so`, async () => {
    assert.equal(await logged(() => asSystem((ctx) => getDocument(ctx, 'Patient', patient))), 0)
    assert.equal(await logged(() => call('GET', `/api/resource/Patient/${patient}`, { as: keys.petra })), 0)
    assert.equal(await logged(() => call('GET', '/api/resource/Patient', { as: keys.petra })), 0)
    const before = (await world.lines(people.adam)).length
    await as(people.adam, (ctx) => list(ctx, 'Patient', { fields: ['sex', { COUNT: '*', as: 'n' }], groupBy: 'sex', wire }))
    assert.deepEqual((await world.lines(people.adam)).length - before, 1)
    assert.ok((await world.lines(people.adam)).some(({ document_name, patient }) => !document_name && !patient))
  })

  test(`${database}: lines of the log are neither written, changed nor deleted by anybody`, async () => {
    const rows = await as(people.pia, (ctx) =>
      list(ctx, 'PHI Access Log', { fields: ['name', 'organization', 'document_name'], limit: 100, wire }),
    )
    assert.ok(rows.rows.length > 0 && rows.rows.every(({ organization }) => organization === 'North'))
    for (const who of ['stan', 'adam', 'dora', 'ann'] as const)
      await assert.rejects(
        as(people[who], (ctx) => list(ctx, 'PHI Access Log', { wire })),
        (error) => PermissionDenied.is(error),
      )
    await assert.rejects(asSystem((ctx) => setValue(ctx, 'PHI Access Log', String(rows.rows[0]?.name), { user: 'nobody' })))
    await assert.rejects(asSystem((ctx) => insert(ctx, 'PHI Access Log', { user: 'nobody' })))
    const { dialect } = world.site.database
    for (const statement of [
      sql`delete from ${sql.id('tabPHI Access Log')}`,
      sql`update ${sql.id('tabPHI Access Log')} set ${sql.id('user')} = ${'nobody'}`,
    ])
      await assert.rejects(
        world.site.database.transaction((tx) => tx.execute(dialect.compile(statement))),
        (error: { data?: object }) => /append-only/.test(JSON.stringify(error.data)),
      )
  })

  test(`${database}: emergency access opens one patient of one's own organization, for a reason and a while, and pia hears`, async () => {
    const reason = 'Unconscious in the hall, no team here'
    await refused(method('petra', 'break_glass', { patient: stranger, reason: 'because' }), ValueRefused, 'reason')
    await refused(method('petra', 'break_glass', { patient: stranger, reason, minutes: 500 }), ValueRefused, 'minutes')
    await refused(method('petra', 'break_glass', { patient: foreigner, reason }), PatientUnknown, 'patient')
    await refused(method('petra', 'break_glass', { patient: 'PAT-99999', reason }), PatientUnknown, 'patient')
    await refused(method('dora', 'break_glass', { patient, reason }), AccessNotNeeded, 'patient')
    await assert.rejects(
      method('rita', 'break_glass', { patient, reason }),
      (error) => MethodDenied.is(error) || PermissionDenied.is(error),
    )
    const { access } = (await method('petra', 'break_glass', { uid: 'AB-1950-777', reason, minutes: 60 })) as { access: string }
    assert.deepEqual(await method('petra', 'break_glass', { patient, reason }), {
      access,
      patient,
      expires_at: '2026-11-02 10:00:00.000000',
    })
    assert.deepEqual(await names('petra'), [patient])
    assert.deepEqual(await names('petra', 'Vital Signs'), [vitals])
    assert.ok((await world.lines(people.petra)).every((line) => line.break_glass === access))
    const notices = await as(people.pia, (ctx) => list(ctx, 'Notification Log', { fields: ['subject'], wire }))
    assert.equal(notices.rows.filter(({ subject }) => String(subject).includes('Unconscious')).length, 1)
    now += 59 * 60_000
    assert.deepEqual(await names('petra'), [patient])
    now += 60_000
    assert.deepEqual(await names('petra'), [])
    await assert.rejects(
      as(people.petra, (ctx) => getDocument(ctx, 'Patient', patient)),
      (error) => DocumentNotFound.is(error) || PermissionDenied.is(error),
    )
    await assert.rejects(
      method('petra', 'review_break_glass', { access, outcome: 'Justified' }),
      (error) => MethodDenied.is(error) || PermissionDenied.is(error),
    )
    await refused(method('pia', 'review_break_glass', { access, outcome: 'Not justified' }), ReviewRefused, 'note')
    await method('pia', 'review_break_glass', { access, outcome: 'Justified' })
    await refused(method('pia', 'review_break_glass', { access, outcome: 'Justified' }), ReviewRefused, 'access')
  })

  test(`${database}: emergency access ends when its holder says so, or a review finds it wrong`, async () => {
    const reason = 'Called to the ward at night'
    const open = async () => ((await method('petra', 'break_glass', { patient: stranger, reason })) as { access: string }).access
    const first = await open()
    await assert.rejects(method('nils', 'end_break_glass', { access: first }), (error) => ReviewRefused.is(error))
    await method('petra', 'end_break_glass', { access: first })
    assert.deepEqual(await names('petra'), [])
    const second = await open()
    assert.deepEqual(await names('petra'), [stranger])
    await method('pia', 'review_break_glass', { access: second, outcome: 'Not justified', note: 'Was not on duty' })
    assert.deepEqual(await names('petra'), [])
  })

  test(`${database}: a patient sees who saw their record, and nobody else's`, async () => {
    const seen = (await method('ann', 'who_saw_my_record', { limit: 500 }, 'GET')) as {
      who: string
      how: string
      emergency: boolean
      reason: string | null
      doctype: string
    }[]
    assert.ok(seen.some(({ who, how }) => who === 'dora' && how === 'print'))
    assert.deepEqual(seen.find(({ emergency }) => emergency)?.reason, 'Unconscious in the hall, no team here')
    assert.equal(seen.length, (await world.lines()).filter((line) => line.patient === patient).length)
    assert.deepEqual(await method('rita', 'who_saw_my_record', {}, 'GET'), [])
  })
}
