import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { strayLink } from '#kernel/documents/tenant-links.ts'
import { OfAnotherOrganization } from './errors.ts'

/**
 * Before a document is written: whatever it links to that belongs to an organization belongs to its own. The tenants' walls keep people out of
 * what is not theirs; this keeps those apart who may enter two, and the platform's own code.
 * @throws OfAnotherOrganization with the path of the link
 */
export const keepOrganizationsApart: DocumentListener = async (ctx, document, extra) => {
  const stray = await strayLink(ctx, document, extra?.before as AnyDocument | undefined, 'organization')
  if (stray) throw new OfAnotherOrganization({ doctype: document.doctype, ...stray, organization: String(document.organization) })
}

/** What the rules of this app need to know of an organization. */
export interface OrganizationFacts {
  readonly timeZone: string
  /** ISO code, lower case. */
  readonly country: string | undefined
  readonly currency: string | undefined
}

/** Read once in a unit of work. */
export async function organizationFacts(ctx: Context, organization: string): Promise<OrganizationFacts> {
  const key = `crm:organization:${organization}`
  const known = ctx.memo.get(key) as OrganizationFacts | undefined
  if (known) return known
  const [row] = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select o.time_zone, o.default_currency, c.code from ${ident('tabOrganization')} o left join ${ident('tabCountry')} c on c.name = o.country
        where o.name = ${organization}`,
    ),
  )
  const facts = {
    timeZone: text(row?.time_zone) ?? ctx.site.timeZone,
    country: text(row?.code)?.toLowerCase(),
    currency: text(row?.default_currency),
  }
  ctx.memo.set(key, facts)
  return facts
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
