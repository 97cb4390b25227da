import { or, where } from '#client/rules/predicate.ts'
import type { AppPart, PermissionHooks } from '#kernel/apps/app.ts'
import { ofPeople } from '../shared/access.ts'
import { keepOrganizationsApart } from '../shared/organization.ts'
import { delegationChanged, followDelegations } from './delegation.ts'
import { leaveDetails, previewLeave } from './details.ts'
import { giveEarnedLeave } from './earned.ts'
import { settleLeave } from './lapses.ts'
import { teamCalendar } from './team-calendar.ts'

const apart = { before_validate: keepOrganizationsApart }
const own = ofPeople({ employee: 'employee' })
/** Approvers name who stands in for themselves; who does may look. */
const delegations: PermissionHooks = {
  rows: (ctx, action) => {
    if (['System Manager', 'Super Admin', 'HR Manager', 'HR User', 'Supervisor'].some((role) => ctx.user.roles.has(role))) return undefined
    const isMine = where('approver', '=', ctx.user.name)
    return action === 'read' || action === 'select' ? or(isMine, where('delegate', '=', ctx.user.name)) : isMine
  },
}

/** When people are away: what they may take, what they ask for, who decides, and the ledger that knows how it stands. */
export const leavePart: AppPart = {
  events: {
    'Leave Period': apart,
    'Leave Policy': apart,
    'Leave Policy Assignment': apart,
    'Leave Allocation': apart,
    'Leave Application': apart,
    'Leave Ledger Entry': apart,
    'Leave Encashment': apart,
    'Compensatory Leave Request': apart,
    'Leave Adjustment': apart,
    'Leave Block List': apart,
    'Leave Approval Delegation': { ...apart, on_change: delegationChanged },
  },
  permissions: {
    'Leave Policy Assignment': own,
    'Leave Allocation': own,
    'Leave Application': ofPeople({ employee: 'employee', approvers: ['leave_approver', 'acting_approver'] }),
    'Leave Ledger Entry': own,
    'Leave Encashment': own,
    'Compensatory Leave Request': own,
    'Leave Adjustment': own,
    'Leave Approval Delegation': delegations,
  },
  methods: [leaveDetails, previewLeave, teamCalendar],
  jobs: { 'give-earned-leave': giveEarnedLeave, 'settle-leave': settleLeave, 'follow-delegations': followDelegations },
  schedules: [
    { every: 'daily', job: 'settle-leave' },
    { every: 'daily', job: 'give-earned-leave' },
    { every: 'daily', job: 'follow-delegations' },
  ],
}
