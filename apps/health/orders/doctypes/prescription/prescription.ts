import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { setValue, writeThrough } from '#kernel/documents/values.ts'
import { today } from '../../../access.ts'
import { checkDrugs, type DrugLine } from '../../drug-alerts.ts'

interface PrescriptionFields {
  patient: string
  status: string
  drugs: (DrugLine & { dosage: string })[]
}

/** Drugs that a patient is to take: on submission they take them, until it is cancelled. */
export default class Prescription extends Document<PrescriptionFields> {
  async validate(ctx: Context): Promise<void> {
    await checkDrugs(ctx, this.patient, this.drugs ?? [], 'drugs')
  }

  before_submit(): void {
    this.status = 'Active'
  }

  async on_submit(ctx: Context): Promise<void> {
    const since = today(ctx)
    const added = this.drugs.map(({ medication, dosage }) => ({ medication, dosage, since, prescription: this.name }))
    await this.writeTaken(ctx, (rows) => [...rows, ...added])
  }

  async on_cancel(ctx: Context): Promise<void> {
    this.status = 'Cancelled'
    await writeThrough(ctx.asSystem('what is cancelled says so'), 'Prescription', this.name, { status: 'Cancelled' })
    await this.writeTaken(ctx, (rows) => rows.filter(({ prescription }) => prescription !== this.name))
  }

  async writeTaken(ctx: Context, change: (rows: { prescription?: string }[]) => object[]): Promise<void> {
    const system = ctx.asSystem('what is prescribed is taken')
    const patient = await load(system, await ctx.site.meta.get('Patient'), this.patient)
    await setValue(system, 'Patient', this.patient, { medication: change((patient.medication ?? []) as { prescription?: string }[]) })
  }
}
