import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { today } from '../../../access.ts'
import { ValueRefused } from '../../../errors.ts'
import { checkDrugs, type DrugLine } from '../../../orders/drug-alerts.ts'

interface EncounterFields {
  patient: string
  practitioner: string
  organization: string
  encounter_date: string
  status: string
  drug_prescription: (DrugLine & { dosage: string; period: string | null; instructions: string | null })[]
  lab_test_prescription: { lab_test_template: string; comment: string | null }[]
  procedure_prescription: { procedure_name: string; date: string | null }[]
}

/** What was found and ordered. Submitting it makes the orders, once and with it, or not at all. */
export default class PatientEncounter extends Document<EncounterFields> {
  async validate(ctx: Context): Promise<void> {
    if (this.encounter_date > today(ctx)) throw new ValueRefused({ field: 'encounter_date', reason: 'lies in the future.' })
    await checkDrugs(ctx, this.patient, this.drug_prescription ?? [], 'drug_prescription')
  }

  before_submit(): void {
    this.status = 'Completed'
  }

  async on_submit(ctx: Context): Promise<void> {
    const system = ctx.asSystem('orders of an encounter')
    const { patient, practitioner, organization, name: encounter } = this
    const of = { patient, practitioner, organization, encounter }
    for (const { lab_test_template, comment } of this.lab_test_prescription ?? [])
      await insert(system, 'Lab Test', { ...of, lab_test_template, lab_test_comment: comment })
    for (const { procedure_name, date } of this.procedure_prescription ?? [])
      await insert(system, 'Clinical Procedure', { ...of, procedure_name, procedure_date: date })
    if ((this.drug_prescription ?? []).length === 0) return
    const drugs = this.drug_prescription.map(({ medication, dosage, period, instructions, override_reason }) => {
      return { medication, dosage, period, instructions, override_reason }
    })
    const made = await insert(system, 'Prescription', { ...of, prescription_date: this.encounter_date, drugs })
    await submit(system, await openForWrite(system, 'Prescription', made.name, 'submit'))
  }

  /** Orders that nobody has begun are cancelled with it; a prescription stands until somebody cancels it, and keeps the encounter. */
  async on_cancel(ctx: Context): Promise<void> {
    this.status = 'Cancelled'
    await writeThrough(ctx.asSystem('what is cancelled says so'), 'Patient Encounter', this.name, { status: 'Cancelled' })
    const system = ctx.asSystem('orders of an encounter that is cancelled')
    for (const [doctype, fresh] of [
      ['Lab Test', 'Draft'],
      ['Clinical Procedure', 'Ordered'],
    ] as const) {
      const unbegun = and(where('encounter', '=', this.name), where('status', '=', fresh))
      for (const { name } of await findRows(system, await ctx.site.meta.get(doctype), unbegun, { fields: ['name'] }))
        await save(system, await openForWrite(system, doctype, name), { status: 'Cancelled' })
    }
  }
}
