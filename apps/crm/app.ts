import { defineApp } from '#kernel/apps/app.ts'
import { addressPermissions, contactPermissions, customerPermissions, portalChanged } from './access.ts'
import { makeFirstRules } from './assignment.ts'
import { dealsPart } from './deals/deals.ts'
import { duplicatesPart } from './duplicates/duplicates.ts'
import { intakePart } from './intake/intake.ts'
import { keepOrganizationsApart } from './organization.ts'
import { timelinePart } from './timeline/timeline.ts'
import { viewsPart } from './views/views.ts'

const apart = { validate: keepOrganizationsApart }

/** Whom an organization sells to: leads, customers, the people there, and the deals made with them. */
export default defineApp({
  name: 'crm',
  title: 'Customers',
  description: 'Leads, contacts, customers and deals, from the first word to the order.',
  version: '0.1.0',
  requires: ['company'],
  parts: [dealsPart, duplicatesPart, intakePart, timelinePart, viewsPart],
  events: {
    Customer: { ...apart, on_change: portalChanged },
    Contact: apart,
    Address: apart,
    'Customer Group': apart,
    Territory: apart,
    Lead: apart,
    Deal: apart,
    'Deal Stage': apart,
  },
  permissions: { Customer: customerPermissions, Contact: contactPermissions, Address: addressPermissions },
  afterInstall: makeFirstRules,
})
