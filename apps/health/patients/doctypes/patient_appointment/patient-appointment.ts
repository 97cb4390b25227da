import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { setValue } from '#kernel/documents/values.ts'
import { load } from '#kernel/documents/load.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { today } from '../../../access.ts'
import { PractitionerBusy, ValueRefused } from '../../../errors.ts'

interface AppointmentFields {
  patient: string
  practitioner: string
  organization: string
  appointment_date: string
  appointment_time: string
  duration: number
  status: string
  position_in_queue: number
  checked_in_at: string | null
}

/** What an appointment may become. */
const next: Readonly<Record<string, readonly string[]>> = {
  Scheduled: ['Open', 'Checked In', 'Cancelled', 'No Show'],
  Open: ['Scheduled', 'Checked In', 'Cancelled', 'No Show'],
  'Checked In': ['Checked Out', 'Closed', 'Cancelled'],
  'Checked Out': ['Closed'],
  Closed: [],
  Cancelled: [],
  'No Show': ['Scheduled'],
}
const idle = ['Cancelled', 'No Show']

/** A patient comes to a practitioner, who has one patient at a time and joins their care team. */
export default class PatientAppointment extends Document<AppointmentFields> {
  async validate(ctx: Context, extra?: { before?: AnyDocument }): Promise<void> {
    const before = extra?.before?.status as string | undefined
    if (before && before !== this.status && !next[before]?.includes(this.status))
      throw new ValueRefused({ field: 'status', reason: `${before} does not become ${this.status}.` })
    if (!(this.duration > 0 && this.duration <= 1440))
      throw new ValueRefused({ field: 'duration', reason: 'must be from 1 to 1440 minutes.' })
    if (!this.practitioner || !this.appointment_date || !this.appointment_time) return
    await holdLock(ctx, `health:practitioner:${this.practitioner}`)
    const others = await this.others(ctx)
    if (!idle.includes(this.status)) this.demandFree(others)
    if (this.status === 'Checked In' && before !== 'Checked In') {
      this.checked_in_at = nowText(ctx)
      this.position_in_queue = Math.max(0, ...others.map(({ position_in_queue }) => Number(position_in_queue ?? 0))) + 1
    }
  }

  async others(ctx: Context) {
    const sameDay = and(
      where('practitioner', '=', this.practitioner),
      where('appointment_date', '=', this.appointment_date),
      where('status', 'not in', idle),
      where('name', '!=', this.name ?? ''),
    )
    const fields = ['name', 'appointment_time', 'duration', 'position_in_queue']
    return findRows(ctx, await ctx.site.meta.get('Patient Appointment'), sameDay, { fields })
  }

  demandFree(others: readonly Record<string, unknown>[]): void {
    const from = minuteOf(this.appointment_time)
    const to = from + this.duration
    for (const { appointment_time, duration } of others) {
      const start = minuteOf(String(appointment_time))
      const end = start + Number(duration)
      if (start < to && from < end)
        throw new PractitionerBusy({ field: 'appointment_time', practitioner: this.practitioner, from: clock(start), to: clock(end) })
    }
  }

  async after_insert(ctx: Context): Promise<void> {
    const system = ctx.asSystem('whoever is to see a patient joins their care team')
    const practitioner = await load(system, await ctx.site.meta.get('Healthcare Practitioner'), this.practitioner)
    const user = practitioner.user_id
    const patient = await load(system, await ctx.site.meta.get('Patient'), this.patient)
    const team = (patient.care_team ?? []) as { user: string }[]
    if (!user || team.some((one) => one.user === user)) return
    await setValue(system, 'Patient', this.patient, { care_team: [...team, { user, from_date: today(ctx), care_role: 'Appointment' }] })
  }
}

/** Minutes from midnight. */
function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return hours * 60 + minutes
}

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}
