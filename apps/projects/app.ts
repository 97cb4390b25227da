import { defineApp } from '#kernel/apps/app.ts'
import { membersChanged, projectPermissions } from './access.ts'
import { capacityPart } from './capacity/capacity.ts'
import { figureEvents } from './figures/costs.ts'
import { keepOrganizationsApart } from './organization.ts'
import { hoursEvents } from './planning/absence.ts'
import { planningPart } from './planning/planning.ts'
import { sprintsPart } from './sprints/sprints.ts'
import { templatesPart } from './templates/templates.ts'

const apart = { validate: keepOrganizationsApart }

/** Projects: what is to be done, by whom, when, and what it costs. */
export default defineApp({
  name: 'projects',
  title: 'Projects',
  description: 'Projects, tasks, sprints, milestones, and the time of people.',
  version: '0.1.0',
  requires: ['crm', 'hr'],
  parts: [planningPart, sprintsPart, capacityPart, templatesPart],
  events: {
    Project: { ...apart, on_change: membersChanged },
    Task: apart,
    Sprint: apart,
    Milestone: apart,
    'Resource Allocation': apart,
    'Task Template': apart,
    'Project Template': apart,
    'Project Settings': apart,
    'Leave Application': hoursEvents,
    'Shift Assignment': hoursEvents,
    // Of the app billing, where it is installed.
    Timesheet: figureEvents,
    'Sales Invoice': figureEvents,
  },
  permissions: projectPermissions,
})
