import { defineApp } from '#kernel/apps/app.ts'
import { assignedToMeOrNobody, myVisits } from './permissions.ts'

/** A small example of an app: requests for service and the visits they lead to, in organisations that never see each other's. */
export default defineApp({
  name: 'sample',
  title: 'Sample',
  description: 'Requests for service, and visits to carry them out.',
  version: '0.1.0',
  requires: ['company'],
  roles: ['Coordinator', 'Technician', 'Viewer'],
  permissions: {
    'Service Request': { rows: assignedToMeOrNobody },
    'Site Visit': { rows: myVisits },
  },
})
