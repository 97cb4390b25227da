import { defineApp } from '#kernel/apps/app.ts'
import { leavePart } from './leave/leave.ts'
import { makeLeaveApproval } from './leave/workflow.ts'
import { payrollPart } from './payroll/payroll.ts'
import { peoplePart } from './people/people.ts'
import { performancePart } from './performance/performance.ts'
import { timePart } from './time/time.ts'

/** The people who work for an organization: who they are, when they work, when they are away. */
export default defineApp({
  name: 'hr',
  title: 'People',
  description: 'Employees, shifts and attendance, leave.',
  version: '0.1.0',
  requires: ['company'],
  parts: [peoplePart, timePart, leavePart, payrollPart, performancePart],
  afterInstall: makeLeaveApproval,
})
