import type { AppPart } from '#kernel/apps/app.ts'
import { dashboardMethods, dashboardPermissions } from './dashboards.ts'
import { mailedJobs, mailedMethods } from './mailed.ts'
import { reportMethods } from './methods.ts'
import { preparedJobs, preparedPermissions } from './prepared.ts'

/** Reports, charts, number cards, dashboards, and reports by mail. */
export const reportsPart: AppPart = {
  roles: ['Report Manager', 'Dashboard Manager'],
  methods: [...reportMethods, ...dashboardMethods, ...mailedMethods],
  jobs: { ...preparedJobs, ...mailedJobs },
  schedules: [
    { every: 'daily', job: 'forget-prepared-reports' },
    { every: '0 6 * * *', job: 'mail-due-reports' },
  ],
  permissions: { ...dashboardPermissions, 'Prepared Report': preparedPermissions },
}
