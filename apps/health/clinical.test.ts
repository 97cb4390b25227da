import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ObservationImplausible } from '#client/rules/news2.ts'
import { where } from '#client/rules/predicate.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { DocumentNotFound, MandatoryMissing } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { cancel, insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { clinic, type PersonName } from '#testing/health.ts'
import { testDatabases } from '#testing/services.ts'
import { DrugNeedsReason, Fixed, KnownAlready, OfAnotherOrganization, PractitionerBusy, ValueRefused } from './errors.ts'

for (const { name: database } of testDatabases()) {
  const world = await clinic({ database, clock: { now: () => Date.UTC(2026, 10, 2, 9) } })
  const { as, asSystem, make, people, patient, stranger, foreigner, practitioner } = world
  const north = { organization: 'North' }
  const ours = { patient, practitioner, ...north }
  const add = (doctype: string, values: Record<string, unknown>, who: PersonName = 'dora') =>
    as(people[who], (ctx) => insert(ctx, doctype, values))
  const change = (doctype: string, name: unknown, values: Record<string, unknown>, who: PersonName = 'dora') =>
    as(people[who], async (ctx) => save(ctx, await openForWrite(ctx, doctype, String(name)), values))
  const rows = (doctype: string, field: string, value: unknown) =>
    asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get(doctype), where(field, '=', value)))
  const refused = (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => {
      assert.ok(kind.is(error), String(error))
      assert.equal((error as { field: string }).field, field)
      return true
    })
  const augmentin = await make('Medication', {
    medication_name: 'Augmentin',
    ingredients: [{ substance: 'Amoxicillin' }, { substance: 'Penicillins' }],
    ...north,
  })
  const aspirin = await make('Medication', { medication_name: 'Aspirin', ingredients: [{ substance: 'Acetylsalicylic acid' }], ...north })
  const warfarin = await make('Medication', {
    medication_name: 'Warfarin',
    interactions: [{ interacts_with: 'acetylsalicylic acid', severity: 'Severe', effect: 'bleeding' }],
    ...north,
  })
  const template = await make('Lab Test Template', {
    template_name: 'Potassium',
    lines: [{ lab_test_event: 'K', lab_test_uom: 'mmol/l', normal_from: 3.5, normal_to: 5.1, code: '2823-3' }],
    ...north,
  })

  test(`${database}: vital signs carry the early warning score, once all of it was measured`, async () => {
    const signs = {
      ...ours,
      signs_date: '2026-11-02',
      signs_time: '08:00',
      respiratory_rate: 26,
      spo2: 92,
      on_oxygen: 1,
      bp_systolic: 95,
      bp_diastolic: 60,
      pulse: 115,
      temperature: 39.2,
      height: 160,
      weight: 64,
    }
    const partly = await add('Vital Signs', signs)
    assert.deepEqual([partly.news2_complete, partly.news2_score, partly.bmi], [0, 0, 25])
    const whole = await change('Vital Signs', partly.name, { consciousness: 'New confusion' })
    assert.deepEqual([whole.news2_complete, whole.news2_score, whole.news2_risk], [1, 16, 'High'])
    assert.equal(whole.news2_explain, 'breaths 3, saturation 2, oxygen 2, blood pressure 2, pulse 2, consciousness 3, temperature 2')
    const told = await rows('Notification Log', 'for_user', people.nils)
    assert.equal(told.filter(({ subject }) => String(subject).startsWith('NEWS2 16')).length, 1)
    await refused(add('Vital Signs', { ...signs, temperature: 98.6 }), ObservationImplausible, 'temperature')
    await refused(add('Vital Signs', { ...signs, bp_diastolic: 120 }), ValueRefused, 'bp_diastolic')
    await refused(add('Vital Signs', { ...signs, signs_date: '2026-11-09' }), ValueRefused, 'signs_date')
  })

  test(`${database}: a drug that a patient is allergic to needs a reason, and the line keeps the alert`, async () => {
    const order = (override_reason?: string) =>
      add('Prescription', {
        ...ours,
        drugs: [
          { medication: aspirin, dosage: '1-0-0' },
          { medication: augmentin, dosage: '1-0-1', override_reason },
        ],
      })
    await refused(order(), DrugNeedsReason, 'drugs[1].override_reason')
    await refused(order('  '), DrugNeedsReason, 'drugs[1].override_reason')
    const made = await order('Tested again, tolerated')
    const [first, second] = made.drugs as { alert: string | null }[]
    assert.equal(first?.alert, null)
    assert.match(second?.alert ?? '', /^Life-threatening: .*Penicillins \(anaphylaxis\)/)
  })

  test(`${database}: what is prescribed is taken from then on, and met by what is prescribed next`, async () => {
    const made = await add('Prescription', { ...ours, drugs: [{ medication: aspirin, dosage: '1-0-0' }] })
    await as(people.dora, async (ctx) => submit(ctx, await openForWrite(ctx, 'Prescription', made.name, 'submit')))
    const takes = async () =>
      ((await asSystem((ctx) => getDocument(ctx, 'Patient', patient))).medication as { medication: string }[]).map((row) => row.medication)
    assert.deepEqual(await takes(), [aspirin])
    await refused(
      add('Prescription', { ...ours, drugs: [{ medication: warfarin, dosage: '5 mg' }] }),
      DrugNeedsReason,
      'drugs[0].override_reason',
    )
    await assert.rejects(change('Prescription', made.name, { drugs: [] }), (error) => error instanceof Error)
    await as(people.dora, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Prescription', made.name, 'cancel')))
    assert.deepEqual(await takes(), [])
    await add('Prescription', { ...ours, drugs: [{ medication: warfarin, dosage: '5 mg' }] })
  })

  test(`${database}: submitting an encounter makes its orders once, or nothing at all`, async () => {
    const encounter = await add('Patient Encounter', {
      ...ours,
      encounter_date: '2026-11-02',
      symptoms: 'Palpitations',
      diagnosis: [{ code: 'I49.9', description: 'Arrhythmia' }],
      lab_test_prescription: [{ lab_test_template: template }],
      procedure_prescription: [{ procedure_name: 'ECG', date: '2026-11-02' }],
      drug_prescription: [{ medication: aspirin, dosage: '1-0-0' }],
    })
    const done = async () =>
      as(people.dora, async (ctx) => submit(ctx, await openForWrite(ctx, 'Patient Encounter', encounter.name, 'submit')))
    assert.equal((await done()).status, 'Completed')
    // Asked twice, it is done once.
    await done()
    for (const doctype of ['Lab Test', 'Clinical Procedure', 'Prescription'])
      assert.equal((await rows(doctype, 'encounter', encounter.name)).length, 1, doctype)
    // A prescription that stands keeps its encounter.
    await assert.rejects(
      as(people.dora, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Patient Encounter', encounter.name, 'cancel'))),
    )
    assert.equal((await rows('Lab Test', 'encounter', encounter.name))[0]?.status, 'Draft')
    const [prescription] = await rows('Prescription', 'encounter', encounter.name)
    await as(people.dora, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Prescription', String(prescription?.name), 'cancel')))
    await as(people.dora, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Patient Encounter', encounter.name, 'cancel')))
    assert.equal((await rows('Lab Test', 'encounter', encounter.name))[0]?.status, 'Cancelled')
    await refused(add('Patient Encounter', { ...ours, encounter_date: '2026-11-03' }), ValueRefused, 'encounter_date')
  })

  test(`${database}: the laboratory fills in results, a practitioner approves them, and only then the patient sees them`, async () => {
    const lab = await add('Lab Test', { ...ours, lab_test_template: template })
    const [line] = lab.normal_test_items as AnyDocument[]
    await refused(change('Lab Test', lab.name, { status: 'Completed' }, 'lara'), ValueRefused, 'normal_test_items[0].result_value')
    await refused(change('Lab Test', lab.name, { status: 'Approved' }), ValueRefused, 'status')
    const filled = await change(
      'Lab Test',
      lab.name,
      { status: 'Completed', normal_test_items: [{ ...line, result_value: '6.2' }] },
      'lara',
    )
    assert.equal((filled.normal_test_items as { flag: string }[])[0]?.flag, 'High')
    const seen = () => as(people.ann, (ctx) => getDocument(ctx, 'Lab Test', lab.name))
    await assert.rejects(seen(), (error) => DocumentNotFound.is(error) || PermissionDenied.is(error))
    await refused(change('Lab Test', lab.name, { status: 'Approved' }, 'lara'), ValueRefused, 'status')
    assert.equal((await change('Lab Test', lab.name, { status: 'Approved' })).approved_by, people.dora)
    assert.equal((await seen()).name, lab.name)
    await refused(change('Lab Test', lab.name, { lab_test_comment: 'x' }), Fixed, 'status')
  })

  test(`${database}: a signed note never changes; another adds to it`, async () => {
    const note = await add('Clinical Note', { ...ours, note: 'Sleeps well', note_type: 'Progress' })
    const addendum = { ...ours, note: 'The other patient', note_type: 'Progress', addendum_to: note.name }
    await refused(add('Clinical Note', addendum), ValueRefused, 'addendum_to')
    assert.equal((await change('Clinical Note', note.name, { signed: 1 })).signed_by, people.dora)
    await refused(change('Clinical Note', note.name, { note: 'Sleeps badly' }), Fixed, 'note')
    await refused(change('Clinical Note', note.name, { signed: 0 }), Fixed, 'note')
    await refused(
      asSystem((ctx) => remove(ctx, 'Clinical Note', note.name)),
      Fixed,
      'note',
    )
    await add('Clinical Note', addendum)
  })

  test(`${database}: a practitioner has one patient at a time, and joins the team of whom they are to see`, async () => {
    const visit = { ...ours, appointment_date: '2026-11-04', appointment_time: '09:00', duration: 30 }
    const made = await add('Patient Appointment', visit)
    await refused(add('Patient Appointment', { ...visit, appointment_time: '09:29' }), PractitionerBusy, 'appointment_time')
    const next = await add('Patient Appointment', { ...visit, appointment_time: '09:30' })
    assert.equal((await change('Patient Appointment', next.name, { status: 'Checked In' })).position_in_queue, 1)
    assert.equal((await change('Patient Appointment', made.name, { status: 'Checked In' })).position_in_queue, 2)
    await refused(change('Patient Appointment', made.name, { status: 'Scheduled' }), ValueRefused, 'status')
    await refused(add('Patient Appointment', { ...visit, appointment_time: '11:00', duration: 0 }), ValueRefused, 'duration')
    const petra = await make('Healthcare Practitioner', { practitioner_name: 'Petra', user_id: people.petra, ...north })
    await add('Patient Appointment', { ...visit, practitioner: petra, appointment_time: '12:00' })
    assert.equal((await as(people.petra, (ctx) => getDocument(ctx, 'Patient', patient))).name, patient)
  })

  test(`${database}: nurses write but do not create, patients and records only read`, async () => {
    const signs = { ...ours, signs_date: '2026-11-02', signs_time: '08:00', pulse: 70 }
    for (const who of ['nils', 'mira', 'ann'] as const)
      await assert.rejects(add('Vital Signs', signs, who), (error) => PermissionDenied.is(error), who)
    const made = await add('Vital Signs', signs)
    await change('Vital Signs', made.name, { pulse: 72 }, 'nils')
    for (const who of ['mira', 'ann'] as const)
      await assert.rejects(change('Vital Signs', made.name, { pulse: 73 }, who), (error) => PermissionDenied.is(error), who)
    await assert.rejects(
      change('Vital Signs', made.name, { pulse: 73 }, 'otto'),
      (error) => DocumentNotFound.is(error) || PermissionDenied.is(error),
    )
  })

  test(`${database}: whoever takes a patient in treats them; what is wrong about them is named`, async () => {
    const made = await add('Patient', { first_name: ' Emil ', last_name: 'Kern', ...north })
    assert.equal(made.patient_name, 'Emil Kern')
    assert.deepEqual(
      (made.care_team as { user: string }[]).map(({ user }) => user),
      [people.dora],
    )
    await assert.rejects(change('Patient', made.name, { care_team: [] }), (error) => PermissionDenied.is(error))
    await refused(add('Patient', { first_name: 'Emil', dob: '2027-01-01', ...north }), ValueRefused, 'dob')
    await refused(add('Patient', { first_name: 'Emil', uid: 'AB-1950-777', ...north }), KnownAlready, 'uid')
    await refused(
      add('Patient', { first_name: 'Emil', care_team: [{ user: people.dora, from_date: '2026-02-01', to_date: '2026-01-01' }], ...north }),
      ValueRefused,
      'care_team[0].to_date',
    )
    await refused(
      asSystem((ctx) => insert(ctx, 'Patient', { first_name: 'Emil', care_team: [{ user: people.otto }], ...north })),
      ValueRefused,
      'care_team[0].user',
    )
    await assert.rejects(add('Patient', { last_name: 'Kern', ...north }), (error) => MandatoryMissing.is(error))
    await assert.rejects(
      add('Patient', { first_name: 'Emil', organization: 'South' }),
      (error) => LinkNotFound.is(error) || PermissionDenied.is(error),
    )
  })

  test(`${database}: nothing of one organization is linked to by another, not even by the platform`, async () => {
    const note = { organization: 'South', note: 'x', note_type: 'Progress' }
    await refused(
      asSystem((ctx) => insert(ctx, 'Clinical Note', { ...note, patient })),
      OfAnotherOrganization,
      'patient',
    )
    await refused(
      asSystem((ctx) =>
        insert(ctx, 'Prescription', {
          organization: 'South',
          patient: foreigner,
          practitioner,
          drugs: [{ medication: aspirin, dosage: '1' }],
        }),
      ),
      OfAnotherOrganization,
      'practitioner',
    )
    await assert.rejects(
      add('Clinical Note', { ...ours, patient: stranger, note: 'x', note_type: 'Progress' }),
      (error) => LinkNotFound.is(error) || PermissionDenied.is(error),
    )
  })
}
