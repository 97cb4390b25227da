import { overbooked } from '#client/rules/projects-capacity.ts'
import { daysBetween } from '#client/rules/dates.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { OfAnotherProject, ValueRefused } from '../../../errors.ts'
import { checkOrder, rowNamed } from '../../../rows.ts'
import { bookingOf, readCapacity } from '../../read-capacity.ts'

export interface ResourceAllocationFields {
  employee: string
  employee_name: string | null
  organization: string
  project: string | null
  task: string | null
  status: 'Planned' | 'Confirmed' | 'Cancelled'
  from_date: string
  to_date: string
  hours_per_day: number
  allocation_percent: number
  over_days: number
}

/** Days that one allocation may last. */
const longest = 1100

/** Part of somebody's time. More than there is may be set aside, as plans change; it is said at once. */
export default class ResourceAllocation extends Document<ResourceAllocationFields> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.from_date, this.to_date, 'to_date')
    if (daysBetween(this.from_date, this.to_date) > longest)
      throw new ValueRefused({ field: 'to_date', reason: 'nobody is set aside for more than three years.' })
    if (this.hours_per_day > 24) throw new ValueRefused({ field: 'hours_per_day', reason: 'a day has 24 hours.' })
    if (this.allocation_percent > 100)
      throw new ValueRefused({ field: 'allocation_percent', reason: 'more than all of the time is not there.' })
    if (this.hours_per_day > 0 === this.allocation_percent > 0)
      throw new ValueRefused({ field: 'hours_per_day', reason: 'give hours a day or a share of the time, one of them.' })
    await this.checkTask(ctx)
    await this.checkEmployed(ctx)
    await this.warn(ctx)
  }

  private async checkTask(ctx: Context): Promise<void> {
    if (!this.task) return
    const task = await rowNamed(ctx, 'Task', this.task, ['project'])
    this.project ||= (task?.project as string | null) ?? null
    if ((task?.project ?? null) !== this.project)
      throw new OfAnotherProject({ field: 'task', value: this.task, project: this.project ?? '' })
  }

  private async checkEmployed(ctx: Context): Promise<void> {
    const person = await rowNamed(ctx, 'Employee', this.employee, ['date_of_joining', 'relieving_date'])
    if (person?.date_of_joining && this.from_date < String(person.date_of_joining))
      throw new ValueRefused({ field: 'from_date', reason: `${this.employee} has not joined by then.` })
    if (person?.relieving_date && this.to_date > String(person.relieving_date))
      throw new ValueRefused({ field: 'to_date', reason: `${this.employee} has left by then.` })
  }

  private async warn(ctx: Context): Promise<void> {
    this.over_days = 0
    if (this.status === 'Cancelled') return
    const settings = await rowNamed(ctx, 'Project Settings', this.organization, ['overallocation_tolerance'])
    const booking = {
      employee: this.employee,
      booking: bookingOf({ ...this } as unknown as Record<string, unknown>),
      ...(this.name && { without: this.name }),
    }
    const [person] = await readCapacity(ctx, this.organization, [this.employee], this.from_date, this.to_date, booking)
    const over = overbooked(person?.days ?? [], Number(settings?.overallocation_tolerance ?? 0))
    this.over_days = over.length
    const [first] = over
    if (first)
      ctx.messages.push({
        title: 'Overbooked',
        message: `${this.employee_name ?? this.employee}: more is asked than there is time for on ${over.length} days; on ${first.day} ${first.booked} h of ${first.available} h.`,
        indicator: 'orange',
      })
  }
}
