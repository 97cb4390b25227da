import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { clinicalRoles, today } from '../../../access.ts'
import { KnownAlready, ValueRefused } from '../../../errors.ts'
import { organizationsOf } from '../../../privacy/break-glass.ts'

interface Span {
  from_date?: string | null
  to_date?: string | null
  since?: string | null
  until?: string | null
}

interface PatientFields {
  first_name: string
  last_name: string | null
  patient_name: string
  organization: string
  dob: string | null
  uid: string | null
  care_team: (Span & { user: string; care_role?: string })[]
  medication: Span[]
  patient_relation: { related_patient: string | null }[]
}

/** Somebody who is treated; the care team says by whom, and opens the record to them. */
export default class Patient extends Document<PatientFields> {
  before_insert(ctx: Context): void {
    const { name: user, roles } = ctx.user
    // Whoever takes a patient in treats them; otherwise they could not see what they have just written.
    const isClinical = clinicalRoles.some((role) => roles.has(role)) && !roles.has('Healthcare Administrator')
    if (isClinical && !this.care_team?.some((one) => one.user === user))
      this.care_team = [...(this.care_team ?? []), { user, from_date: today(ctx), care_role: 'Admitted by' }]
  }

  async validate(ctx: Context): Promise<void> {
    this.first_name = this.first_name?.trim()
    this.patient_name = [this.first_name, this.last_name?.trim()].filter(Boolean).join(' ')
    this.uid = this.uid?.trim() || null
    const day = today(ctx)
    if (this.dob && this.dob > day) throw new ValueRefused({ field: 'dob', reason: 'lies in the future.' })
    inOrder(this.care_team, 'care_team', 'from_date', 'to_date')
    inOrder(this.medication, 'medication', 'since', 'until')
    for (const [index, { related_patient }] of (this.patient_relation ?? []).entries())
      if (related_patient && related_patient === this.name)
        throw new ValueRefused({ field: `patient_relation[${index}].related_patient`, reason: 'is the patient.' })
    if (this.organization) await this.checkTeam(ctx)
    if (this.organization && this.uid) await this.checkIdentity(ctx, this.uid)
  }

  async checkTeam(ctx: Context): Promise<void> {
    for (const [index, { user }] of (this.care_team ?? []).entries())
      if (user && !(await organizationsOf(ctx, user)).includes(this.organization))
        throw new ValueRefused({ field: `care_team[${index}].user`, reason: `${user} is no member of ${this.organization}.` })
  }

  async checkIdentity(ctx: Context, uid: string): Promise<void> {
    await holdLock(ctx, `health:patient:${this.organization}`)
    const same = and(where('uid', '=', uid), where('organization', '=', this.organization), where('name', '!=', this.name ?? ''))
    const found = await findRows(ctx, await ctx.site.meta.get('Patient'), same, { fields: ['name'], limit: 1 })
    if (found.length > 0) throw new KnownAlready({ field: 'uid' })
  }
}

function inOrder(rows: readonly Span[] | undefined, table: string, from: keyof Span, to: keyof Span): void {
  for (const [index, row] of (rows ?? []).entries())
    if (row[from] && row[to] && String(row[to]) < String(row[from]))
      throw new ValueRefused({ field: `${table}[${index}].${to}`, reason: 'lies before its begin.' })
}
