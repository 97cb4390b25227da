import { and, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { AppPart, PermissionHooks } from '#kernel/apps/app.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { ofPeople, peopleOf } from '../shared/access.ts'
import { keepOrganizationsApart } from '../shared/organization.ts'

const apart = { validate: keepOrganizationsApart }
const wide = ['System Manager', 'Super Admin', 'HR Manager', 'HR User', 'Finance Manager', 'Supervisor']
const reading: ReadonlySet<Action> = new Set<Action>(['select', 'read', 'report', 'export', 'print', 'email'])
const decisions: ReadonlySet<Action> = new Set<Action>(['submit', 'cancel', 'amend'])

/** Appraisals are written by HR and by those who lead somebody; people read their own, and rate themselves by a verb. Nobody decides on their own. */
const appraisals: PermissionHooks = {
  rows: async (ctx, action) => {
    if (ctx.user.unrestricted) return undefined
    const { own, below, managed } = await peopleOf(ctx, ctx.user.name)
    const notOwn: Predicate = { not: where('employee', 'in', own) }
    if (wide.some((role) => ctx.user.roles.has(role))) return decisions.has(action) && own.length > 0 ? notOwn : undefined
    const led = where('employee', 'in', [...below, ...managed])
    return reading.has(action) ? or(where('employee', 'in', own), led) : and(led, notOwn)
  },
}

/** Feedback is written by its reviewer, and read by whom it is about once it is submitted, by those who lead them, and by HR. */
const feedback: PermissionHooks = {
  rows: async (ctx, action) => {
    if (ctx.user.unrestricted || wide.some((role) => ctx.user.roles.has(role))) return undefined
    const { own, below, managed } = await peopleOf(ctx, ctx.user.name)
    const given = where('reviewer', 'in', own)
    if (!reading.has(action)) return given
    const final = where('docstatus', '=', 1)
    return or(given, and(final, where('employee', 'in', [...own, ...below, ...managed])))
  },
}

/** How people do: goals, feedback, and the appraisals in which both are judged. */
export const performancePart: AppPart = {
  events: {
    'Appraisal Template': apart,
    'Appraisal Cycle': apart,
    Appraisal: apart,
    Goal: apart,
    'Employee Performance Feedback': apart,
  },
  permissions: {
    Appraisal: appraisals,
    Goal: ofPeople({ employee: 'employee' }),
    'Employee Performance Feedback': feedback,
  },
}
