import type { Context } from '#kernel/context/context.ts'
import { insert } from '#kernel/documents/save.ts'

/** Somebody who works with the sample. */
export interface SamplePerson {
  email: string
  firstName: string
  role: 'Coordinator' | 'Technician' | 'Viewer'
  organization: string
}

/** The first of each role is the one to show to newcomers. */
export const samplePeople: readonly SamplePerson[] = [
  { email: 'dana@example.com', firstName: 'Dana', role: 'Coordinator', organization: 'Harbour Facilities' },
  { email: 'tom@example.com', firstName: 'Tom', role: 'Technician', organization: 'Harbour Facilities' },
  { email: 'vera@example.com', firstName: 'Vera', role: 'Viewer', organization: 'Harbour Facilities' },
  { email: 'mila@example.com', firstName: 'Mila', role: 'Coordinator', organization: 'Meadow Care' },
  { email: 'theo@example.com', firstName: 'Theo', role: 'Technician', organization: 'Meadow Care' },
]

const organizations = [
  { organization_name: 'Harbour Facilities', abbr: 'HF' },
  { organization_name: 'Meadow Care', abbr: 'MC' },
]

const requests: readonly Record<string, unknown>[] = [
  {
    subject: 'Leaking tap in the tea kitchen',
    organization: 'Harbour Facilities',
    requester: 'vera@example.com',
    priority: 'High',
    technician: 'tom@example.com',
    description: '<p>Second floor, left of the lift. Drips day and night.</p>',
    internal_notes: 'Third time this year; ask for a new fitting.',
    items: [
      { description: 'Cartridge', quantity: 1, rate: '18.90' },
      { description: 'Work', quantity: 0.75, rate: '64.00' },
    ],
  },
  {
    subject: 'Lift stops between floors',
    organization: 'Harbour Facilities',
    requester: 'dana@example.com',
    priority: 'Urgent',
    due_on: '2026-12-01',
    internal_notes: 'The maker must come along.',
    items: [{ description: 'Inspection', quantity: 2, rate: '95.00' }],
  },
  {
    subject: 'Windows of the west side',
    organization: 'Harbour Facilities',
    requester: 'dana@example.com',
    priority: 'Low',
    status: 'Resolved',
    items: [{ description: 'Square metres', quantity: 84.5, rate: '1.35' }],
  },
  {
    subject: 'Night light in corridor B',
    organization: 'Meadow Care',
    requester: 'mila@example.com',
    priority: 'Medium',
    technician: 'theo@example.com',
    items: [{ description: 'Lamp', quantity: 4, rate: '7.20' }],
  },
  { subject: 'Handrail at the garden door', organization: 'Meadow Care', requester: 'mila@example.com', priority: 'High' },
]

/** Organisations, people and records to look at. Nobody can sign in until a password is set. */
export async function makeSampleData(ctx: Context): Promise<void> {
  for (const organization of organizations) await insert(ctx, 'Organization', organization)
  for (const { email, firstName, role, organization } of samplePeople) {
    await insert(ctx, 'User', { email, first_name: firstName, enabled: 1, send_welcome_email: 0, roles: [{ role }] })
    await insert(ctx, 'User Permission', { user: email, allow: 'Organization', for_value: organization, is_default: 1 })
  }
  for (const values of requests) {
    const request = await insert(ctx, 'Service Request', values)
    if (values.technician)
      await insert(ctx, 'Site Visit', { service_request: request.name, technician: values.technician, starts_at: '2026-12-02 08:30:00' })
  }
}
