import { defineApp } from '#kernel/apps/app.ts'
import { departmentsPart } from './departments/departments.ts'
import { featuresPart } from './features/features.ts'
import { peoplePart } from './people/people.ts'
import { businessRoles } from './roles.ts'
import { settingsPart } from './settings/settings.ts'

/** The organizations that share a site, their departments and people, and the roles that all business apps know. */
export default defineApp({
  name: 'company',
  title: 'Company',
  version: '0.2.0',
  scopes: ['Organization'],
  roles: businessRoles,
  parts: [peoplePart, departmentsPart, settingsPart, featuresPart],
})
