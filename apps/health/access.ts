import { and, never, or, type Predicate, where } from '#client/rules/predicate.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { findRows } from '#kernel/query/find-rows.ts'

/** DocTypes with protected health information, and the field that holds the patient. */
export const phiDoctypes: Readonly<Record<string, 'name' | 'patient'>> = {
  Patient: 'name',
  'Patient Appointment': 'patient',
  'Patient Encounter': 'patient',
  'Clinical Procedure': 'patient',
  'Clinical Note': 'patient',
  'Vital Signs': 'patient',
  'Lab Test': 'patient',
  Prescription: 'patient',
}

/** Those who see the patients to whom they are assigned. */
export const clinicalRoles = ['Healthcare Provider', 'Healthcare Practitioner', 'Nursing User'] as const

const reading: ReadonlySet<Action> = new Set<Action>(['select', 'read', 'print', 'email', 'report', 'export'])

/** Today where the site is. */
export function today(ctx: Context): string {
  return utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)
}

/** An entry of a care team that counts now. */
function inCareTeam(ctx: Context, user: string): Predicate {
  const day = today(ctx)
  return and(where('user', '=', user), where('from_date', '<=', day), or(where('to_date', 'not set'), where('to_date', '>=', day)))
}

/** Patients in whose care team somebody is today. */
export async function assignedPatients(ctx: Context, user: string): Promise<string[]> {
  const meta = await ctx.site.meta.meta('Patient Care Team')
  const condition = and(where('parenttype', '=', 'Patient'), inCareTeam(ctx, user))
  const rows = await findRows(ctx, meta, condition, { fields: ['parent'] })
  return [...new Set(rows.map(({ parent }) => String(parent)))]
}

/** Emergency access that somebody has now. */
export async function openGlass(ctx: Context, user: string): Promise<{ name: string; patient: string; reason: string }[]> {
  const now = nowText(ctx)
  const condition = and(where('user', '=', user), where('starts_at', '<=', now), where('expires_at', '>', now))
  const rows = await findRows(ctx, await ctx.site.meta.get('Break Glass Access'), condition, { fields: ['name', 'patient', 'reason'] })
  return rows.map(({ name, patient, reason }) => ({ name, patient: String(patient), reason: String(reason) }))
}

/**
 * Which rows of a DocType with protected health information somebody sees, beside what roles and the organization's walls say: all of them
 * narrow, none opens. Administrators see the organization's patients, medical records read them; clinicians see those whom they treat, or
 * to whom they have emergency access; patients read themselves. Whoever else holds a role row sees nothing.
 */
async function phiRows(ctx: Context, action: Action, doctype: string): Promise<Predicate | undefined> {
  const { roles, unrestricted } = ctx.user
  if (unrestricted || roles.has('Healthcare Administrator')) return undefined
  if (reading.has(action) && roles.has('Medical Records')) return undefined
  if (doctype === 'Lab Test' && roles.has('Laboratory User')) return undefined
  // A patient who is only being taken in has no team yet; taking in shows nothing.
  if (doctype === 'Patient' && action === 'create') return undefined
  const parts: Predicate[] = []
  if (clinicalRoles.some((role) => roles.has(role))) parts.push(await treated(ctx, doctype))
  if (reading.has(action) && roles.has('Patient')) parts.push(await own(ctx, doctype))
  return parts.length === 0 ? never : or(...parts)
}

async function treated(ctx: Context, doctype: string): Promise<Predicate> {
  const { name: user } = ctx.user
  const glass = (await openGlass(ctx, user)).map(({ patient }) => patient)
  // Of a patient the team as it is about to be written counts: nobody writes a patient out of their own reach, or into it.
  if (doctype === 'Patient') return or({ child: 'care_team', where: inCareTeam(ctx, user) }, where('name', 'in', glass))
  return where('patient', 'in', [...new Set([...(await assignedPatients(ctx, user)), ...glass])])
}

/** Results are shown to patients when somebody has approved them, charts when they are finished. */
const ripe: Readonly<Record<string, Predicate>> = {
  'Lab Test': where('status', '=', 'Approved'),
  'Patient Encounter': where('docstatus', '=', 1),
  Prescription: where('docstatus', '=', 1),
}

async function own(ctx: Context, doctype: string): Promise<Predicate> {
  if (doctype === 'Patient') return where('user_id', '=', ctx.user.name)
  const mine = where('patient', 'in', await ownPatients(ctx))
  const state = ripe[doctype]
  return state ? and(mine, state) : mine
}

/** The patients as whom the user signs in. */
export async function ownPatients(ctx: Context): Promise<string[]> {
  const rows = await findRows(ctx, await ctx.site.meta.get('Patient'), where('user_id', '=', ctx.user.name), { fields: ['name'] })
  return rows.map(({ name }) => name)
}

const closed = (doctype: string): PermissionHooks => ({
  rows: (ctx, action) => phiRows(ctx, action, doctype),
  // A link asks for no role on its target, and would tell that somebody is a patient.
  linkRows: (ctx) => phiRows(ctx, 'read', doctype),
  hidesExistence: true,
})

/** What the platform keeps about documents holds what stood in them. */
const notAbout = (field: string): PermissionHooks => ({
  rows: (ctx) => (ctx.user.unrestricted ? undefined : where(field, 'not in', Object.keys(phiDoctypes))),
})

export const healthPermissions: Readonly<Record<string, PermissionHooks>> = {
  ...Object.fromEntries(Object.keys(phiDoctypes).map((doctype) => [doctype, closed(doctype)])),
  Version: notAbout('ref_doctype'),
  'Audit Entry': notAbout('ref_doctype'),
  'Deleted Document': notAbout('deleted_doctype'),
}
