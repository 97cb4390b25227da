import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { insertRows } from '#kernel/documents/rows.ts'
import type { DeliveredRead, ReadListener } from '#kernel/permissions/reads.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { assignedPatients, openGlass, ownPatients, phiDoctypes } from '../access.ts'
import { organizationsOf } from './break-glass.ts'

const log = 'PHI Access Log'

/** Fields of the log that nothing changes; `organization` follows where an organization is renamed. */
export const fixedFields = [
  'timestamp',
  'user',
  'access_doctype',
  'document_name',
  'action',
  'patient',
  'break_glass',
  'reason',
  'ip_address',
  'request_id',
] as const

interface Whose {
  readonly patient: string
  readonly organization: string
}

/** Writes one line for each document and person, whatever the path on which it went out. */
export const logReads: ReadListener = async (ctx, reads) => {
  const whose = await patientsOf(ctx, reads)
  const users = [...new Set(reads.map((read) => read.user.name))]
  const glass = new Map(await Promise.all(users.map(async (user) => [user, await brokenGlass(ctx, user)] as const)))
  const lines: AnyDocument[] = []
  for (const read of reads) {
    const of = whose.get(`${read.doctype}\n${read.name}`)
    const broken = of ? glass.get(read.user.name)?.get(of.patient) : undefined
    // Figures are over what somebody may see, in each of their organizations.
    for (const organization of of ? [of.organization] : await organizationsOf(ctx, read.user.name))
      lines.push(lineOf(ctx, read, { patient: of?.patient ?? null, organization, broken }))
  }
  await insertRows(ctx.db, await ctx.site.meta.get(log), lines)
}

interface Facts {
  readonly patient: string | null
  readonly organization: string
  readonly broken: Broken | undefined
}

function lineOf(ctx: Context, { doctype, name, path, user }: DeliveredRead, { patient, organization, broken }: Facts): AnyDocument {
  const at = nowText(ctx)
  const standard = { name: hashName(), owner: user.name, creation: at, modified: at, modified_by: user.name, docstatus: 0, idx: 0 } as const
  const line = {
    timestamp: at,
    user: user.name,
    access_doctype: doctype,
    document_name: name ?? null,
    action: path,
    patient,
    organization,
    break_glass: broken?.name ?? null,
    reason: broken?.reason ?? null,
    purpose: ctx.request.via,
    ip_address: ctx.request.ip,
    request_id: ctx.request.id,
  }
  return { doctype: log, ...standard, ...line }
}

interface Broken {
  readonly name: string
  readonly reason: string
}

/** Emergency access by patient, as far as it was what opened the record. */
async function brokenGlass(ctx: Context, user: string): Promise<Map<string, Broken>> {
  const open = await openGlass(ctx, user)
  if (open.length === 0) return new Map()
  const assigned = new Set(await assignedPatients(ctx, user))
  return new Map(open.filter(({ patient }) => !assigned.has(patient)).map((one) => [one.patient, one]))
}

const chunkSize = 500

async function patientsOf(ctx: Context, reads: readonly DeliveredRead[]): Promise<Map<string, Whose>> {
  const found = new Map<string, Whose>()
  for (const [doctype, list] of Map.groupBy(reads, (read) => read.doctype)) {
    const meta = await ctx.site.meta.get(doctype)
    const field = phiDoctypes[doctype] ?? 'patient'
    const names = list.flatMap(({ name }) => (name === undefined ? [] : [name]))
    for (let start = 0; start < names.length; start += chunkSize) {
      const chosen = where('name', 'in', names.slice(start, start + chunkSize))
      for (const row of await findRows(ctx, meta, chosen, { fields: ['name', 'organization', ...(field === 'name' ? [] : [field])] }))
        found.set(`${doctype}\n${row.name}`, { patient: String(row[field]), organization: String(row.organization) })
    }
  }
  return found
}

/** One line of what a patient is told. */
export interface SeenLine {
  /** UTC, ISO 8601. */
  readonly when: string
  readonly who: string
  readonly doctype: string
  readonly document: string
  readonly how: string
  readonly emergency: boolean
  readonly reason: string | null
}

/** Who saw the records of the patients as whom the caller signs in, the newest first. */
export async function whoSawMine(ctx: Context, { limit, before }: { limit: number; before?: string }): Promise<SeenLine[]> {
  const system = ctx.asSystem('a patient asks who saw their record')
  const mine = await ownPatients(ctx)
  const condition = and(
    where('patient', 'in', mine),
    ...(before ? [where('timestamp', '<', before.replace('T', ' ').replace('Z', ''))] : []),
  )
  const rows = await findRows(system, await ctx.site.meta.get(log), condition, { orderBy: [['timestamp', 'desc']], limit })
  const users = [...new Set(rows.map(({ user }) => String(user)))]
  const people = await findRows(system, await ctx.site.meta.get('User'), where('name', 'in', users), { fields: ['name', 'full_name'] })
  const names = new Map(people.map(({ name, full_name }) => [name, String(full_name ?? name)]))
  return rows.map((row) => ({
    when: `${String(row.timestamp).replace(' ', 'T')}Z`,
    who: names.get(String(row.user)) ?? String(row.user),
    doctype: String(row.access_doctype),
    document: String(row.document_name ?? ''),
    how: String(row.action),
    emergency: Boolean(row.break_glass),
    reason: row.reason ? String(row.reason) : null,
  }))
}
