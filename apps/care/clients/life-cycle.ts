import { and, where } from '#client/rules/predicate.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { ValueRefused } from '../errors.ts'
import type Client from './doctypes/client/client.ts'
import type { ClientFields } from './doctypes/client/client.ts'

/** Today where the site is. */
export function today(ctx: Context): string {
  return utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)
}

/** What a client may become: a stay begins and ends, and another may begin. */
const next = { Pending: ['Active', 'Discharged'], Active: ['Discharged'], Discharged: ['Active'] } as const

/** @throws ValueRefused */
export function demandOrder(ctx: Context, client: Client, before: ClientFields | undefined): void {
  const { status, admission_date: from, discharge_date: to } = client
  const refuse = (field: string, reason: string): never => {
    throw new ValueRefused({ field, reason })
  }
  if (before && before.status !== status && !(next[before.status] as readonly string[]).includes(status))
    refuse('status', `${before.status} does not become ${status}.`)
  if (status === 'Active' && before?.status === 'Discharged' && before.discharge_date && from && from < before.discharge_date)
    refuse('admission_date', 'lies before the last discharge.')
  if (status !== 'Pending' && !from) refuse('admission_date', 'is missing.')
  if (status === 'Discharged' && !to) refuse('discharge_date', 'is missing.')
  if (status !== 'Discharged' && to) refuse('discharge_date', `a client who is ${status.toLowerCase()} has none.`)
  if (from && to && to < from) refuse('discharge_date', 'lies before the admission.')
  for (const [field, day] of [['admission_date', status === 'Pending' ? null : from], ['discharge_date', to]] as const) // biome-ignore format: pairs
    if (day && day > today(ctx)) refuse(field, 'lies in the future.')
}

/** With the stay what was assigned for it ends. */
export function closeStay(client: Client): void {
  for (const row of client.medical_assignments ?? []) row.status = 'Inactive'
  for (const row of client.program_assignments ?? [])
    if (row.status === 'Active') {
      const hasBegun = !row.start_date || !client.discharge_date || row.start_date <= client.discharge_date
      row.status = hasBegun ? 'Completed' : 'Inactive'
      if (hasBegun) row.end_date = client.discharge_date
    }
}

/** Nobody does any more for a client what was still to be done in the stay. */
export async function cancelOpenTasks(ctx: Context, client: string): Promise<void> {
  const system = ctx.asSystem('a client was discharged')
  const open = and(where('client', '=', client), where('status', '=', 'Open'))
  for (const { name } of await findRows(system, await ctx.site.meta.get('Care Task'), open, { fields: ['name'] }))
    await setValue(system, 'Care Task', name, { status: 'Cancelled' })
}

/** Begins a stay, the first or another. @param date ISO day; default: today */
export async function admit(ctx: Context, client: AnyDocument, date = today(ctx)): Promise<AnyDocument> {
  return save(ctx, await openForWrite(ctx, 'Client', client.name), { status: 'Active', admission_date: date, discharge_date: null })
}

/** Ends a stay. @param date ISO day; default: today */
export async function discharge(ctx: Context, client: AnyDocument, reason: string, date = today(ctx)): Promise<AnyDocument> {
  const values = { status: 'Discharged', discharge_date: date, discharge_reason: reason }
  return save(ctx, await openForWrite(ctx, 'Client', client.name), values)
}
