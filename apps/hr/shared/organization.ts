import { and, where } from '#client/rules/predicate.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { OfAnotherOrganization, ValueRefused } from '../errors.ts'

/**
 * Before a document is written: whatever it links to that belongs to an organization belongs to its own. The tenants' walls keep people out of
 * what is not theirs; this keeps those apart who may enter two, and the platform's own code.
 * A record about a person stays with that person.
 * @throws OfAnotherOrganization with the path of the link; ValueRefused
 */
export const keepOrganizationsApart: DocumentListener = async (ctx, document, extra) => {
  const earlier = (extra?.before as AnyDocument | undefined)?.employee
  // Before any rule looks: what it would say of somebody else's leave or shifts is not the caller's to know.
  if (earlier && document.employee !== earlier) throw new ValueRefused({ field: 'employee', reason: 'a record stays with its person.' })
  const organization = document.organization
  if (typeof organization !== 'string' || organization === '') return
  const meta = await ctx.site.meta.get(document.doctype)
  await checkLinks(ctx, organization, document.doctype, document, extra?.before as AnyDocument | undefined, '')
  for (const table of meta.tables)
    for (const [index, row] of ((document[table.fieldname] as AnyDocument[] | undefined) ?? []).entries())
      await checkLinks(ctx, organization, table.options ?? '', row, undefined, `${table.fieldname}[${index}].`)
}

async function checkLinks(
  ctx: Context,
  organization: string,
  doctype: string,
  row: AnyDocument,
  before: AnyDocument | undefined,
  path: string,
): Promise<void> {
  for (const link of (await ctx.site.meta.meta(doctype)).links) {
    const value = row[link.fieldname]
    if (typeof value !== 'string' || value === '' || before?.[link.fieldname] === value || !link.options) continue
    const target = await ctx.site.meta.get(link.options)
    if (target.isTable || target.isSingle || target.isVirtual || target.field.get('organization')?.options !== 'Organization') continue
    const foreign = await findRows(ctx, target, and(where('name', '=', value), where('organization', '!=', organization)), {
      fields: ['name'],
      limit: 1,
    })
    if (foreign.length > 0) throw new OfAnotherOrganization({ doctype: row.doctype, field: path + link.fieldname, value, organization })
  }
}

/** The time zone in which an organization's days begin and end. */
export async function zoneOf(ctx: Context, organization: string): Promise<string> {
  const key = `hr:zone:${organization}`
  const known = ctx.memo.get(key)
  if (typeof known === 'string') return known
  const [row] = await findRows(ctx, await ctx.site.meta.get('Organization'), where('name', '=', organization), { fields: ['time_zone'] })
  const zone = String(row?.time_zone || ctx.site.timeZone)
  ctx.memo.set(key, zone)
  return zone
}

/** Today where an organization is, `YYYY-MM-DD`. */
export async function todayOf(ctx: Context, organization: string): Promise<string> {
  return utcToZone(nowText(ctx), await zoneOf(ctx, organization)).slice(0, 10)
}
