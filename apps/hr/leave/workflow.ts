import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { exists } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { rowsOf } from '../shared/rows.ts'

const states = ['Open', 'Second Approval', 'Approved', 'Rejected', 'Cancelled']
const actions = ['Approve', 'Reject', 'Cancel']
const second = 'Second Approval'
const approver = 'Leave Approver'
const hr = 'HR Manager'
const superAdmin = 'Super Admin'
const needsSecond = 'doc.needs_second_approval'

const state = (name: string, doc_status: string, allow_edit: string, status: string) => ({
  state: name,
  doc_status,
  allow_edit,
  update_field: 'status',
  update_value: status,
})
const way = (from: string, action: string, next_state: string, allowed: string, condition?: string) => ({
  state: from,
  action,
  next_state,
  allowed,
  allow_self_approval: 0,
  ...(condition && { condition }),
})

/** How leave is approved: by the approver, and where it is long, by HR after that. */
const leaveApproval = {
  workflow_name: 'Leave Approval',
  document_type: 'Leave Application',
  is_active: 1,
  override_status: 1,
  send_email_alert: 0,
  workflow_state_field: 'workflow_state',
  states: [
    state('Open', '0', 'Employee', 'Open'),
    ...['Employee Self Service', approver, 'HR User', hr, superAdmin].map((role) => state('Open', '0', role, 'Open')),
    state(second, '0', hr, 'Open'),
    state('Approved', '1', hr, 'Approved'),
    state('Rejected', '1', hr, 'Rejected'),
    state('Cancelled', '2', hr, 'Cancelled'),
  ],
  transitions: [
    way('Open', 'Approve', 'Approved', approver, `not ${needsSecond}`),
    way('Open', 'Approve', second, approver, needsSecond),
    way('Open', 'Reject', 'Rejected', approver),
    ...[hr, superAdmin].flatMap((role) => [
      way('Open', 'Approve', 'Approved', role),
      way('Open', 'Reject', 'Rejected', role),
      way(second, 'Approve', 'Approved', role),
      way(second, 'Reject', 'Rejected', role),
      way('Approved', 'Cancel', 'Cancelled', role),
    ]),
    way('Approved', 'Cancel', 'Cancelled', approver),
  ],
}

/** Made once, when the app is installed: from then on it is the customer's, who may change it or switch it off. */
export async function makeLeaveApproval(ctx: Context): Promise<void> {
  if ((await rowsOf(ctx, 'Workflow', where('document_type', '=', 'Leave Application'), { fields: ['name'], limit: 1 })).length > 0) return
  for (const workflow_state_name of states)
    if (!(await exists(ctx, 'Workflow State', workflow_state_name))) await insert(ctx, 'Workflow State', { workflow_state_name })
  for (const workflow_action_name of actions)
    if (!(await exists(ctx, 'Workflow Action Master', workflow_action_name)))
      await insert(ctx, 'Workflow Action Master', { workflow_action_name })
  await insert(ctx, 'Workflow', leaveApproval)
}
