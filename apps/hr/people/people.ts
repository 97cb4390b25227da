import type { AppPart } from '#kernel/apps/app.ts'
import { departmentsChanged, ofPeople, peopleChanged } from '../shared/access.ts'
import { keepOrganizationsApart } from '../shared/organization.ts'
import { remindCertifications } from './certifications.ts'
import { orgChart } from './org-chart.ts'

const apart = { before_validate: keepOrganizationsApart }

/** Who works for an organization: the people, whom they report to, what they can do and may do. */
export const peoplePart: AppPart = {
  events: {
    Employee: { ...apart, on_change: peopleChanged },
    Department: { on_change: departmentsChanged },
    'Employee Certification': apart,
    Branch: apart,
    'Employee Grade': apart,
  },
  permissions: {
    Employee: ofPeople({
      employee: 'name',
      approvers: ['leave_approver', 'shift_request_approver'],
      roles: ['Shift Manager'],
      chosenByAll: true,
    }),
    'Employee Certification': ofPeople({ employee: 'employee', roles: ['Shift Manager', 'Dispatch Manager'] }),
  },
  methods: [orgChart],
  jobs: { 'remind-certifications': remindCertifications },
  schedules: [{ every: 'daily', job: 'remind-certifications' }],
}
