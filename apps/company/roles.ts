import type { RoleSeed } from '#kernel/apps/app.ts'

/**
 * The roles that all business apps share, so that the rows of any app may name any of them: whoever is installed first, they are there.
 * Roles without the desk belong to people outside, or to those who only serve themselves.
 */
export const businessRoles: readonly RoleSeed[] = [
  // Whoever works for an organization, before anything else is said.
  { name: 'Dartwing User' },
  { name: 'Employee' },
  { name: 'Employee Self Service', desk: false },
  { name: 'Portal User', desk: false },
  { name: 'Website User', desk: false },
  { name: 'Customer', desk: false },
  // The role matrix of the architecture document.
  { name: 'Super Admin' },
  { name: 'Medical Staff' },
  { name: 'Program Staff' },
  { name: 'Program Coordinator' },
  { name: 'Supervisor' },
  // Selling, and what is known about customers.
  { name: 'Sales Manager' },
  { name: 'Sales User' },
  { name: 'Sales Master Manager' },
  { name: 'Marketing Manager' },
  { name: 'Marketing User' },
  // People.
  { name: 'HR Manager' },
  { name: 'HR User' },
  { name: 'Payroll Manager' },
  { name: 'Leave Approver' },
  { name: 'Expense Approver' },
  { name: 'Shift Manager' },
  // Money and goods.
  { name: 'Finance Manager' },
  { name: 'Accounts Manager' },
  { name: 'Accounts User' },
  { name: 'Auditor' },
  { name: 'Item Manager' },
  { name: 'Stock Manager' },
  { name: 'Stock User' },
  { name: 'Purchase Manager' },
  { name: 'Purchase User' },
  // Work.
  { name: 'Projects Manager' },
  { name: 'Projects User' },
  { name: 'Dispatch Manager' },
  { name: 'Dispatcher' },
  { name: 'Field Technician' },
  // Service.
  { name: 'Inbox Manager' },
  { name: 'Support Manager' },
  { name: 'Support Agent' },
  { name: 'Support Team' },
  { name: 'Receptionist' },
  { name: 'Knowledge Base Contributor' },
  { name: 'Knowledge Base Editor' },
  // Documents and figures.
  { name: 'Documents Manager' },
  { name: 'Documents User' },
  { name: 'Records Manager' },
  { name: 'Insights Manager' },
  { name: 'Insights User' },
  // Health: who may see what is protected, and who watches over it.
  { name: 'Healthcare Administrator' },
  { name: 'Healthcare Provider' },
  { name: 'Healthcare Practitioner' },
  { name: 'Nursing User' },
  { name: 'Medical Records' },
  { name: 'Laboratory User' },
  { name: 'Privacy Officer' },
  { name: 'Patient', desk: false },
]
