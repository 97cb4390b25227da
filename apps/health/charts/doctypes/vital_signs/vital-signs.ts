import { type Consciousness, demandPlausible, news2, type Parameter } from '#client/rules/news2.ts'
import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { today } from '../../../access.ts'
import { ValueRefused } from '../../../errors.ts'

interface SignsFields {
  patient: string
  signs_date: string
  temperature: number | null
  pulse: number | null
  respiratory_rate: number | null
  spo2: number | null
  spo2_scale: string
  on_oxygen: number
  bp_systolic: number | null
  bp_diastolic: number | null
  consciousness: string | null
  height: number | null
  weight: number | null
  bmi: number
  news2_complete: number
  /** Zero where `news2_complete` is not set. */
  news2_score: number
  news2_risk: string | null
  news2_explain: string | null
}

const levels: Readonly<Record<string, Consciousness>> = { Alert: 'A', 'New confusion': 'C', Voice: 'V', Pain: 'P', Unresponsive: 'U' }

const labels: Readonly<Record<Parameter, string>> = {
  respiratoryRate: 'breaths',
  spo2: 'saturation',
  oxygen: 'oxygen',
  systolic: 'blood pressure',
  pulse: 'pulse',
  consciousness: 'consciousness',
  temperature: 'temperature',
}

/** A field that nobody filled in holds nothing, or the zero of its column. */
const taken = (value: unknown): number | null => (value ? Number(value) : null)

/** What was measured. The early warning score follows, when all of it was taken; the care team hears of a high one. */
export default class VitalSigns extends Document<SignsFields> {
  validate(ctx: Context): void {
    demandPlausible({ ...measured(this) })
    if (this.signs_date > today(ctx)) throw new ValueRefused({ field: 'signs_date', reason: 'lies in the future.' })
    const [systolic, diastolic] = [taken(this.bp_systolic), taken(this.bp_diastolic)]
    if (systolic !== null && diastolic !== null && diastolic >= systolic)
      throw new ValueRefused({ field: 'bp_diastolic', reason: 'must be below the systolic pressure.' })
    const [height, weight] = [taken(this.height), taken(this.weight)]
    this.bmi = height && weight ? Math.round((weight / (height / 100) ** 2) * 10) / 10 : 0
    const found = news2({
      respiratoryRate: taken(this.respiratory_rate),
      spo2: taken(this.spo2),
      spo2Scale: this.spo2_scale === '2' ? 2 : 1,
      onOxygen: Boolean(this.on_oxygen),
      systolic,
      pulse: taken(this.pulse),
      consciousness: levels[this.consciousness ?? ''] ?? null,
      temperature: taken(this.temperature),
    })
    this.news2_complete = found ? 1 : 0
    this.news2_score = found?.score ?? 0
    this.news2_risk = found?.risk ?? null
    const counted = Object.entries(found?.parts ?? {}).filter(([, points]) => points > 0)
    this.news2_explain = counted.map(([name, points]) => `${labels[name as Parameter]} ${points}`).join(', ') || null
  }

  async on_update(ctx: Context, extra?: { before?: AnyDocument }): Promise<void> {
    if (this.news2_risk !== 'High' || extra?.before?.news2_risk === 'High') return
    const system = ctx.asSystem('the care team hears of a high early warning score')
    const { care_team } = await load(system, await ctx.site.meta.get('Patient'), this.patient)
    const users = ((care_team ?? []) as { user: string; to_date: string | null }[])
      .filter(({ user, to_date }) => user !== ctx.user.name && (!to_date || to_date >= today(ctx)))
      .map(({ user }) => user)
    const about = { doctype: 'Vital Signs', name: this.name }
    await notify(system, { users, type: 'Alert', subject: `NEWS2 ${this.news2_score} (${this.patient})`, about })
  }
}

function measured(signs: VitalSigns): Record<string, number | null> {
  const { temperature, pulse, respiratory_rate, spo2, bp_systolic, bp_diastolic, height, weight } = signs
  const values = { temperature, pulse, respiratory_rate, spo2, bp_systolic, bp_diastolic, height, weight }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, taken(value)]))
}
