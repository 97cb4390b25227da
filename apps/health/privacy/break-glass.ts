import { and, where } from '#client/rules/predicate.ts'
import { peopleWithRoles } from '#kernel/automation/people.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText, textOfInstant } from '#kernel/context/time.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { assignedPatients, openGlass } from '../access.ts'
import { AccessNotNeeded, PatientUnknown, ReviewRefused, ValueRefused } from '../errors.ts'

const access = 'Break Glass Access'
const leastReason = 10
const mostMinutes = 240
const mostPeople = 1000

export interface GlassRequest {
  /** The patient's number, or … */
  readonly patient?: string
  /** … identity number, for somebody who is brought in. */
  readonly uid?: string
  readonly reason: string
  /** 1 to 240; default 180. */
  readonly minutes?: number
}

/**
 * Opens a patient's records to a clinician who does not treat them, for a while and for a reason: within the clinician's organizations only.
 * Privacy officers are told at once. Asked again while it is open, it answers what there is.
 * @throws ValueRefused, PatientUnknown (also for patients of others), AccessNotNeeded
 */
export async function breakGlass(ctx: Context, asked: GlassRequest): Promise<{ access: string; patient: string; expires_at: string }> {
  const reason = asked.reason.trim()
  if (reason.length < leastReason) throw new ValueRefused({ field: 'reason', reason: `say it in at least ${leastReason} letters.` })
  const minutes = asked.minutes ?? 180
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > mostMinutes)
    throw new ValueRefused({ field: 'minutes', reason: `must be a whole number from 1 to ${mostMinutes}.` })
  const system = ctx.asSystem('emergency access to a patient')
  const { name: patient, organization } = await patientIn(system, ctx.user.name, asked)
  if ((await assignedPatients(system, ctx.user.name)).includes(patient)) throw new AccessNotNeeded({ field: 'patient', patient })
  const known = (await openGlass(system, ctx.user.name)).find((one) => one.patient === patient)
  if (known) return { access: known.name, patient, expires_at: await endOf(system, known.name) }
  const expires = textOfInstant(ctx.clock.now() + minutes * 60_000)
  const made = await insert(system, access, {
    user: ctx.user.name,
    patient,
    organization,
    reason,
    starts_at: nowText(ctx),
    expires_at: expires,
  })
  await tellOfficers(system, organization, made.name, { user: ctx.user.fullName, patient, reason, minutes })
  return { access: made.name, patient, expires_at: expires }
}

async function endOf(ctx: Context, name: string): Promise<string> {
  const [row] = await findRows(ctx, await ctx.site.meta.get(access), where('name', '=', name), { fields: ['expires_at'] })
  return String(row?.expires_at)
}

async function patientIn(ctx: Context, user: string, { patient, uid }: GlassRequest): Promise<{ name: string; organization: string }> {
  const field = patient ? 'patient' : 'uid'
  const organizations = await organizationsOf(ctx, user)
  const chosen = patient ? where('name', '=', patient) : where('uid', '=', uid ?? '')
  if (!patient && !uid) throw new PatientUnknown({ field: 'patient' })
  const rows = await findRows(ctx, await ctx.site.meta.get('Patient'), and(chosen, where('organization', 'in', organizations)), {
    fields: ['name', 'organization'],
    limit: 2,
  })
  if (rows.length !== 1) throw new PatientUnknown({ field })
  return { name: rows[0]?.name as string, organization: String(rows[0]?.organization) }
}

/** The organizations that User Permissions let somebody at. */
export async function organizationsOf(ctx: Context, user: string): Promise<string[]> {
  const condition = and(where('user', '=', user), where('allow', '=', 'Organization'))
  const rows = await findRows(ctx, await ctx.site.meta.get('User Permission'), condition, { fields: ['for_value'] })
  return [...new Set(rows.map(({ for_value }) => String(for_value)))]
}

async function tellOfficers(
  ctx: Context,
  organization: string,
  name: string,
  { user, patient, reason, minutes }: { user: string; patient: string; reason: string; minutes: number },
): Promise<void> {
  const officers: string[] = []
  for (const { name: officer } of await peopleWithRoles(ctx, ['Privacy Officer'], mostPeople))
    if ((await organizationsOf(ctx, officer)).includes(organization)) officers.push(officer)
  await notify(ctx, {
    users: officers,
    type: 'Alert',
    subject: `Emergency access: ${user} opened ${patient} for ${minutes} minutes. Reason: ${reason}`,
    about: { doctype: access, name },
  })
}

/** Ends emergency access before its time: one's own. @throws PatientUnknown where there is none that is open */
export async function endGlass(ctx: Context, name: string): Promise<{ access: string; expires_at: string }> {
  const system = ctx.asSystem('emergency access ends')
  const open = (await openGlass(system, ctx.user.name)).find((one) => one.name === name)
  if (!open) throw new ReviewRefused({ field: 'access', reason: 'you have no such access that is open.' })
  const now = nowText(ctx)
  await setValue(system, access, name, { expires_at: now })
  return { access: name, expires_at: now }
}

/** A privacy officer's verdict, given once, and never on oneself. @throws ReviewRefused, DocumentNotFound, PermissionDenied */
export async function reviewGlass(
  ctx: Context,
  { access: name, outcome, note }: { access: string; outcome: 'Justified' | 'Not justified'; note: string },
): Promise<{ access: string; review_status: string }> {
  const document = await getDocument(ctx, access, name)
  if (document.user === ctx.user.name) throw new ReviewRefused({ field: 'access', reason: 'nobody reviews their own access.' })
  if (document.review_status !== 'Pending') throw new ReviewRefused({ field: 'access', reason: 'it has been reviewed.' })
  if (outcome === 'Not justified' && note.trim() === '') throw new ReviewRefused({ field: 'note', reason: 'say what was wrong.' })
  const now = nowText(ctx)
  const end = String(document.expires_at) > now && outcome === 'Not justified' ? { expires_at: now } : {}
  const system = ctx.asSystem('review of emergency access')
  await setValue(system, access, name, { review_status: outcome, reviewed_by: ctx.user.name, reviewed_at: now, review_note: note, ...end })
  return { access: name, review_status: outcome }
}
