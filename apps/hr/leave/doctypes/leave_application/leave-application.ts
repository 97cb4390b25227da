import { addDays, daysBetween } from '#client/rules/dates.ts'
import { sumOfDays } from '#client/rules/hr-leave-days.ts'
import { type LeaveDay, leaveBalance, play, shortfall, stretches } from '#client/rules/hr-leave-ledger.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { AttendanceStands, LeaveRefused, LeaveShort, NotDecided, NotTheApprover, Overlapping, ValueRefused } from '../../../errors.ts'
import { checkDecider } from '../../../shared/decide.ts'
import { todayOf } from '../../../shared/organization.ts'
import { checkEmployed, checkOrder, type EmployeeFacts, employeeFacts, rowOf, rowsOf, touches } from '../../../shared/rows.ts'
import { attendanceOn, giveAttendance, takeAttendance } from '../../../time/attendance.ts'
import { blockedDays } from '../../block-lists.ts'
import { countLeave } from '../../counting.ts'
import { actingFor } from '../../delegation.ts'
import { type LeaveTypeFacts, leaveTypeFacts } from '../../leave-types.ts'
import { holdLeave, ledgerOf, settle, takeBack, writeEntry } from '../../ledger.ts'

interface ApplicationFields {
  employee: string
  employee_name: string | null
  organization: string
  leave_type: string
  status: 'Open' | 'Approved' | 'Rejected' | 'Cancelled'
  from_date: string
  to_date: string
  half_day: 0 | 1
  half_day_date: string | null
  total_leave_days: number
  leave_balance: number
  leave_approver: string | null
  acting_approver: string | null
  needs_second_approval: 0 | 1
  follow_via_email: 0 | 1
}

/** Days that one application may span. */
const mostDays = 731
/** Who gives the second approval. */
const secondApprovers = ['HR Manager', 'Super Admin', 'System Manager']
const why = 'leave was approved'

/** Somebody asks to be away. Approved and submitted, it uses leave and is their attendance; cancelled, all of that is taken back. */
export default class LeaveApplication extends Document<ApplicationFields> {
  async validate(ctx: Context, { before }: { before?: ApplicationFields } = {}): Promise<void> {
    this.checkDates()
    const type = await leaveTypeFacts(ctx, this.leave_type)
    const employee = await employeeFacts(ctx, this.employee)
    if (employee.status === 'Left') throw new ValueRefused({ field: 'employee', reason: 'who has left takes no leave.' })
    checkEmployed(employee, this.from_date, this.to_date, ['from_date', 'to_date'])
    if (type.disabled && before?.leave_type !== this.leave_type)
      throw new ValueRefused({ field: 'leave_type', reason: 'this kind of leave is not given any more.' })
    await this.nameApprovers(ctx, employee)
    if (this.status !== (before?.status ?? 'Open'))
      await checkDecider(
        ctx,
        this.employee,
        before ? [before.leave_approver, before.acting_approver] : [this.leave_approver, this.acting_approver],
      )
    await holdLeave(ctx, this.employee)
    await this.checkAlone(ctx)
    const days = await countLeave(ctx, employee, type, this)
    this.total_leave_days = sumOfDays(days)
    this.needs_second_approval = type.needs_second_approval_after > 0 && this.total_leave_days > type.needs_second_approval_after ? 1 : 0
    this.checkLength(type, employee)
    if (this.status === 'Open' || this.status === 'Approved') await this.checkLeft(ctx, type, days)
    await this.checkBlocked(ctx, employee, days)
  }

  async after_insert(ctx: Context): Promise<void> {
    const approver = this.acting_approver ?? this.leave_approver
    if (this.status === 'Open' && this.follow_via_email && approver)
      await notify(ctx, {
        users: [approver],
        subject: `${this.employee_name} asks for leave from ${this.from_date} to ${this.to_date}`,
        type: 'Alert',
        about: { doctype: 'Leave Application', name: this.name },
      })
  }

  before_submit(ctx: Context): void {
    if (this.status !== 'Approved' && this.status !== 'Rejected') throw new NotDecided({ field: 'status', doctype: 'Leave Application' })
    const isSecond = ctx.user.unrestricted || secondApprovers.some((role) => ctx.user.roles.has(role))
    if (this.status === 'Approved' && this.needs_second_approval && !isSecond)
      throw new NotTheApprover({ field: 'status', reason: 'leave this long needs a second approval, by HR.' })
  }

  async on_submit(ctx: Context): Promise<void> {
    const employee = await employeeFacts(ctx, this.employee)
    if (this.status === 'Approved') {
      const type = await leaveTypeFacts(ctx, this.leave_type)
      const days = await countLeave(ctx, employee, type, this)
      await this.useLeave(ctx, type, days)
      await this.markAttendance(ctx, days)
    }
    if (this.follow_via_email && employee.user_id)
      await notify(ctx, {
        users: [employee.user_id],
        subject: `Your leave from ${this.from_date} to ${this.to_date} was ${this.status === 'Approved' ? 'approved' : 'rejected'}`,
        type: 'Alert',
        about: { doctype: 'Leave Application', name: this.name },
      })
  }

  async before_cancel(ctx: Context): Promise<void> {
    const rows = await rowsOf(ctx, 'Attendance', and(where('leave_application', '=', this.name), where('docstatus', '=', 1)), {
      fields: ['name'],
    })
    for (const row of rows) await takeAttendance(ctx, 'leave was taken back', row.name)
    await takeBack(ctx, this, 'Leave Application', this.name, await todayOf(ctx, this.organization))
  }

  /** Where no workflow has said so already. */
  async on_cancel(ctx: Context): Promise<void> {
    if (this.status === 'Cancelled') return
    await writeThrough(ctx.asSystem('leave was taken back'), 'Leave Application', this.name, { status: 'Cancelled' })
    this.status = 'Cancelled'
  }

  /** @throws DatesOutOfOrder, ValueRefused */
  private checkDates(): void {
    checkOrder(this.from_date, this.to_date, 'to_date')
    if (daysBetween(this.from_date, this.to_date) >= mostDays)
      throw new ValueRefused({ field: 'to_date', reason: `an application spans ${mostDays} days at most.` })
    if (!this.half_day) this.half_day_date = null
    else if (this.from_date === this.to_date) this.half_day_date = this.from_date
    if (this.half_day && (!this.half_day_date || this.half_day_date < this.from_date || this.half_day_date > this.to_date))
      throw new ValueRefused({ field: 'half_day_date', reason: 'it is one of the days asked for.' })
  }

  /** Who decides is said by the employee's record, else it is whom they report to; who stands in follows from the delegations. */
  private async nameApprovers(ctx: Context, employee: EmployeeFacts): Promise<void> {
    const isHr = ctx.user.unrestricted || [...secondApprovers, 'HR User'].some((role) => ctx.user.roles.has(role))
    if (!isHr || !this.leave_approver) {
      const lead = employee.reports_to ? await rowOf(ctx, 'Employee', employee.reports_to, ['user_id']) : undefined
      this.leave_approver = employee.leave_approver ?? (lead?.user_id as string | null | undefined) ?? null
    }
    this.acting_approver = await actingFor(ctx, this.leave_approver, this.organization, await todayOf(ctx, this.organization))
    // Nobody stands in for their own leave's approver.
    if (this.acting_approver !== null && this.acting_approver === employee.user_id) this.acting_approver = null
  }

  /** Two halves of one day may stand side by side. @throws Overlapping */
  private async checkAlone(ctx: Context): Promise<void> {
    const others = await rowsOf(
      ctx,
      'Leave Application',
      and(
        where('employee', '=', this.employee),
        where('name', '!=', this.name ?? ''),
        where('docstatus', 'in', [0, 1]),
        where('status', 'in', ['Open', 'Approved']),
        touches(this.from_date, this.to_date, ['from_date', 'to_date']),
      ),
      { fields: ['name', 'from_date', 'to_date', 'half_day_date'] },
    )
    const halves = others.filter((row) => {
      const from = String(row.from_date) > this.from_date ? String(row.from_date) : this.from_date
      const to = String(row.to_date) < this.to_date ? String(row.to_date) : this.to_date
      return from === to && this.half_day_date === from && row.half_day_date === from
    })
    const whole = others.find((row) => !halves.includes(row)) ?? (halves.length > 1 ? halves[0] : undefined)
    if (whole && this.status !== 'Rejected') throw new Overlapping({ field: 'from_date', doctype: 'Leave Application', other: whole.name })
  }

  /** @throws LeaveRefused */
  private checkLength(type: LeaveTypeFacts, employee: EmployeeFacts): void {
    if (type.max_continuous_days_allowed > 0 && this.total_leave_days > type.max_continuous_days_allowed)
      throw new LeaveRefused({ field: 'to_date', reason: `at most ${type.max_continuous_days_allowed} days at a time.` })
    const first = addDays(employee.date_of_joining, type.applicable_after)
    if (this.from_date < first)
      throw new LeaveRefused({ field: 'from_date', reason: `this leave begins with ${first}, after ${type.applicable_after} days.` })
  }

  /** @throws LeaveShort */
  private async checkLeft(ctx: Context, type: LeaveTypeFacts, days: readonly LeaveDay[]): Promise<void> {
    if (type.is_lwp) {
      this.leave_balance = 0
      return
    }
    const rows = await ledgerOf(ctx, this.employee, this.leave_type)
    this.leave_balance = leaveBalance(rows, this.from_date)
    if (type.allow_negative) return
    const uses = stretches(days, rows).map((one, index) => ({
      name: `new-${index}`,
      leaves: -one.leaves,
      from_date: one.from,
      to_date: one.to,
    }))
    const missing = shortfall(rows, uses)
    if (missing > 0) throw new LeaveShort({ field: 'total_leave_days', wanted: this.total_leave_days, missing })
  }

  /** Whoever asks is told; whoever approves must be one of those who may. @throws LeaveRefused */
  private async checkBlocked(ctx: Context, employee: EmployeeFacts, days: readonly LeaveDay[]): Promise<void> {
    const blocked = await blockedDays(
      ctx,
      employee,
      this.leave_type,
      days.map(({ day }) => day),
    )
    for (const { day, reason, allowed } of blocked) {
      if (this.status === 'Approved' && !ctx.user.unrestricted && !allowed.includes(ctx.user.name))
        throw new LeaveRefused({ field: 'from_date', reason: `${day} is blocked (${reason}).` })
      if (this.status === 'Open') ctx.messages.push({ message: `${day}: ${reason}`, title: 'People are needed', indicator: 'orange' })
    }
  }

  /** @throws LeaveShort when others, or what goes along into a later period, used the days meanwhile */
  private async useLeave(ctx: Context, type: LeaveTypeFacts, days: readonly LeaveDay[]): Promise<void> {
    const rows = await ledgerOf(ctx, this.employee, this.leave_type)
    for (const one of stretches(days, rows))
      await writeEntry(ctx, this, {
        transaction_type: 'Leave Application',
        transaction_name: this.name,
        leaves: -one.leaves,
        from_date: one.from,
        to_date: one.to,
        is_lwp: type.is_lwp,
      })
    const after = await settle(ctx, this, await todayOf(ctx, this.organization))
    const missing = (after - play(rows).uncovered) / 1000
    if (missing > 0 && !type.allow_negative && !type.is_lwp)
      throw new LeaveShort({ field: 'total_leave_days', wanted: this.total_leave_days, missing })
  }

  /** @throws AttendanceStands where they were there */
  private async markAttendance(ctx: Context, days: readonly LeaveDay[]): Promise<void> {
    const standing = await attendanceOn(ctx, this.employee, this.from_date, this.to_date)
    for (const { day, leaves } of days) {
      const isHalf = day === this.half_day_date || leaves < 1
      let wasThere = false
      for (const row of standing.filter((one) => one.attendance_date === day)) {
        const stays = row.docstatus === 0 || (row.status !== 'Absent' && !isHalf)
        if (stays) throw new AttendanceStands({ field: 'from_date', day, attendance: row.name })
        wasThere ||= row.status !== 'Absent'
        await takeAttendance(ctx, why, row.name)
      }
      await giveAttendance(ctx, why, {
        employee: this.employee,
        organization: this.organization,
        attendance_date: day,
        status: isHalf ? 'Half Day' : 'On Leave',
        ...(isHalf && { half_day_status: wasThere || day > (await todayOf(ctx, this.organization)) ? 'Present' : 'Absent' }),
        leave_type: this.leave_type,
        leave_application: this.name,
      })
    }
  }
}
