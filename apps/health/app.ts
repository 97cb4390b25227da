import { defineApp } from '#kernel/apps/app.ts'
import { phiDoctypes } from './access.ts'
import { keepOrganizationsApart } from './closed.ts'
import { privacyPart } from './privacy/privacy.ts'

const apart = { validate: keepOrganizationsApart }

/** Patients and their charts: seen by those who treat them, in an emergency by others, and every look is written down. */
export default defineApp({
  name: 'health',
  title: 'Health',
  description: 'Patients, appointments, charts, tests and prescriptions, and the privacy of all of it.',
  version: '0.1.0',
  requires: ['company', 'crm'],
  parts: [privacyPart],
  events: {
    ...Object.fromEntries(Object.keys(phiDoctypes).map((doctype) => [doctype, apart])),
    'Healthcare Practitioner': apart,
    'Healthcare Service Unit': apart,
    Medication: apart,
    'Lab Test Template': apart,
  },
})
