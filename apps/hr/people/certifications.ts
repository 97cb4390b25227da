import { addDays } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { todayOf } from '../shared/organization.ts'
import { rowOf, rowsOf } from '../shared/rows.ts'

/** What a certification's dates make of it. It still holds on its last day. @param reminderDays days before the end from which it counts as expiring */
export function certificationStatus(expiry: string | null, reminderDays: number, today: string): 'Valid' | 'Expiring' | 'Expired' {
  if (!expiry) return 'Valid'
  if (today > expiry) return 'Expired'
  return addDays(expiry, -reminderDays) <= today ? 'Expiring' : 'Valid'
}

/** Each day: certifications follow their dates; who holds one that ends soon, and whom they report to, are told once. */
export const remindCertifications: JobDefinition = {
  queue: 'long',
  asSystem: 'certifications follow their dates',
  run: async (ctx, _input, job) => {
    const open = await rowsOf(
      ctx,
      'Employee Certification',
      and(where('status', 'in', ['Valid', 'Expiring']), { field: 'expiry_date', op: 'set' }),
      {
        fields: ['name', 'employee', 'organization', 'certification_type', 'expiry_date', 'reminder_days', 'status', 'reminded_on'],
      },
    )
    let reminded = 0
    for (const row of open) {
      const today = await todayOf(ctx, String(row.organization))
      const status = certificationStatus(String(row.expiry_date), Number(row.reminder_days), today)
      const tells = status === 'Expired' || (status === 'Expiring' && !row.reminded_on)
      if (status === row.status && !tells) continue
      reminded += await job.step(`${row.name}:${row.expiry_date}:${status}`, async (own) => {
        await writeThrough(own, 'Employee Certification', row.name, { status, ...(tells && { reminded_on: today }) })
        if (!tells) return 0
        const holder = await rowOf(own, 'Employee', String(row.employee), ['employee_name', 'user_id', 'reports_to'])
        const lead = holder?.reports_to ? await rowOf(own, 'Employee', String(holder.reports_to), ['user_id']) : undefined
        const kind = await rowOf(own, 'Certification Type', String(row.certification_type), ['certification_type_name'])
        const users = [holder?.user_id, lead?.user_id].filter((user): user is string => typeof user === 'string' && user !== '')
        if (users.length > 0)
          await notify(own, {
            users,
            subject: `${kind?.certification_type_name} of ${holder?.employee_name} ${status === 'Expired' ? 'has ended' : `ends on ${row.expiry_date}`}`,
            type: 'Alert',
            about: { doctype: 'Employee Certification', name: row.name },
          })
        return 1
      })
    }
    return { reminded }
  },
}
