import type { AppPart } from '#kernel/apps/app.ts'
import { ofPeople } from '../shared/access.ts'
import { keepOrganizationsApart } from '../shared/organization.ts'
import { checkIn, logFromDevice } from './check-in.ts'
import { markAttendance } from './mark-attendance.ts'

const apart = { before_validate: keepOrganizationsApart }
const shiftManager = { employee: 'employee', roles: ['Shift Manager'] }

/** When people work: holidays, shifts, coming and going, and the attendance that is read from it. */
export const timePart: AppPart = {
  events: {
    'Shift Type': apart,
    'Shift Assignment': apart,
    'Shift Request': apart,
    Attendance: apart,
    'Attendance Request': apart,
    'Employee Checkin': apart,
  },
  permissions: {
    'Shift Assignment': ofPeople(shiftManager),
    'Shift Request': ofPeople({ ...shiftManager, approvers: ['approver'] }),
    Attendance: ofPeople(shiftManager),
    'Attendance Request': ofPeople(shiftManager),
    'Employee Checkin': ofPeople(shiftManager),
  },
  methods: [checkIn, logFromDevice],
  jobs: { 'mark-attendance': markAttendance },
  schedules: [{ every: 'hourly', job: 'mark-attendance' }],
}
