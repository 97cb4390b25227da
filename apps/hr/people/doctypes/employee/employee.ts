import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { ReportsInCircle, StillReportedTo, ValueRefused } from '../../../errors.ts'
import { todayOf } from '../../../shared/organization.ts'
import { checkOrder, rowOf, rowsOf } from '../../../shared/rows.ts'

interface SkillRow extends ChildFields {
  skill: string
  proficiency: number
  evaluation_date: string | null
}

interface EmployeeFields {
  employee_name: string | null
  first_name: string
  middle_name: string | null
  last_name: string | null
  organization: string
  status: 'Active' | 'Inactive' | 'Suspended' | 'Left'
  date_of_birth: string | null
  date_of_joining: string
  relieving_date: string | null
  resignation_letter_date: string | null
  contract_end_date: string | null
  reports_to: string | null
  skills: SkillRow[]
}

/** Somebody who works for an organization. Each user is one employee at most, and nobody reports to themselves through others. */
export default class Employee extends Document<EmployeeFields> {
  async validate(ctx: Context, { before }: { before?: EmployeeFields } = {}): Promise<void> {
    this.employee_name = [this.first_name, this.middle_name, this.last_name]
      .map((part) => part?.trim())
      .filter(Boolean)
      .join(' ')
    await this.checkDates(ctx)
    this.checkSkills()
    if (this.reports_to && this.reports_to !== before?.reports_to) await this.checkLine(ctx)
    if (this.status === 'Left' && before && before.status !== 'Left') await this.checkAlone(ctx)
  }

  /** @throws DatesOutOfOrder, ValueRefused */
  private async checkDates(ctx: Context): Promise<void> {
    checkOrder(this.date_of_birth, this.date_of_joining, 'date_of_joining')
    if (this.date_of_birth && this.date_of_birth > (await todayOf(ctx, this.organization)))
      throw new ValueRefused({ field: 'date_of_birth', reason: 'it lies in the future.' })
    checkOrder(this.date_of_joining, this.relieving_date, 'relieving_date')
    checkOrder(this.date_of_joining, this.contract_end_date, 'contract_end_date')
    checkOrder(this.resignation_letter_date, this.relieving_date, 'relieving_date')
    if (this.status === 'Left' && !this.relieving_date)
      throw new ValueRefused({ field: 'relieving_date', reason: 'who has left has a last day.' })
  }

  /** @throws ValueRefused */
  private checkSkills(): void {
    const seen = new Set<string>()
    for (const [index, row] of this.skills.entries()) {
      if (!Number.isInteger(row.proficiency) || row.proficiency < 1 || row.proficiency > 5)
        throw new ValueRefused({ field: `skills[${index}].proficiency`, reason: 'it is a whole number from 1 to 5.' })
      if (seen.has(row.skill)) throw new ValueRefused({ field: `skills[${index}].skill`, reason: 'the skill stands there twice.' })
      seen.add(row.skill)
    }
  }

  /** One change of the chart at a time: two that are harmless each may close a circle together. @throws ReportsInCircle, ValueRefused */
  private async checkLine(ctx: Context): Promise<void> {
    await holdLock(ctx, `hr:chart:${this.organization}`)
    const seen = new Set<string>([this.name])
    for (let next: string | null = this.reports_to; next; ) {
      if (seen.has(next)) throw new ReportsInCircle({ field: 'reports_to', employee: this.employee_name ?? '' })
      seen.add(next)
      const above = await rowOf(ctx, 'Employee', next, ['reports_to', 'status'])
      if (next === this.reports_to && above?.status === 'Left')
        throw new ValueRefused({ field: 'reports_to', reason: 'nobody reports to somebody who has left.' })
      next = (above?.reports_to as string | null | undefined) ?? null
    }
  }

  /** @throws StillReportedTo */
  private async checkAlone(ctx: Context): Promise<void> {
    const [one] = await rowsOf(ctx, 'Employee', and(where('reports_to', '=', this.name), where('status', '!=', 'Left')), {
      fields: ['employee_name'],
      limit: 1,
    })
    if (one) throw new StillReportedTo({ field: 'status', employee: this.employee_name ?? '', by: String(one.employee_name) })
  }
}
