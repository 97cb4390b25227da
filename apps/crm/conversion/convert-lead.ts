import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { LeadConverted } from '../errors.ts'

export interface Conversion {
  /** Existing documents to use instead of new ones. */
  readonly customer?: string
  readonly contact?: string
  /** Default true. */
  readonly create_deal?: boolean
  readonly deal?: Readonly<Record<string, unknown>>
}

export interface Converted {
  readonly customer: string
  readonly contact: string
  readonly deal: string | null
}

/**
 * Makes a customer, a contact and a deal of a lead that was opened for writing, each with the caller's own rights. The lead stays, with all
 * that was said and done; the timeline of the deal shows it. Its files are the deal's, too, and what was still to do about it is to be done
 * about the deal.
 * @throws LeadConverted, PermissionDenied, and whatever refuses one of the documents; nothing is stored then
 */
export async function convertLead(ctx: Context, { name }: AnyDocument, wish: Conversion = {}): Promise<Converted> {
  // As it is stored: a form may send its unsaved state along.
  const lead = await load(ctx, await ctx.site.meta.get('Lead'), name, true)
  if (lead.converted) throw new LeadConverted({ lead: String(lead.name), field: 'converted' })
  const elevated = ctx.asSystem('a lead is converted')
  const customer = await customerFor(ctx, elevated, lead, wish.customer)
  const contact = await contactFor(ctx, lead, customer, wish.contact)
  if (!customer.customer_primary_contact) await keepMainContact(elevated, customer, contact)
  const deal = wish.create_deal === false ? undefined : await dealFor(ctx, elevated, lead, customer, contact, wish.deal ?? {})
  const fresh = await load(elevated, await ctx.site.meta.get('Lead'), lead.name, true)
  await save(elevated, fresh, {
    status: 'Converted',
    converted: 1,
    converted_on: nowText(ctx),
    customer: customer.name,
    contact: contact.name,
    deal: deal?.name ?? null,
  })
  const heir = deal ?? customer
  await carryFiles(elevated, lead, heir)
  await carryTasks(elevated, lead, heir)
  await showTalks(elevated, lead, [customer, contact, ...(deal ? [deal] : [])])
  return { customer: String(customer.name), contact: String(contact.name), deal: deal ? String(deal.name) : null }
}

async function customerFor(ctx: Context, elevated: Context, lead: AnyDocument, given: string | undefined): Promise<AnyDocument> {
  if (given) return openForWrite(ctx, 'Customer', given)
  const made = await insert(ctx, 'Customer', {
    customer_name: lead.company_name || lead.lead_name,
    customer_type: lead.company_name ? 'Company' : 'Individual',
    ...copied(lead, ['organization', 'territory', 'industry', 'website', 'mobile_no', 'phone', 'image', 'no_of_employees']),
    email_id: lead.email,
    account_manager: lead.lead_owner,
    annual_revenue: lead.annual_revenue,
    default_currency: lead.currency,
  })
  return save(elevated, await load(elevated, await ctx.site.meta.get('Customer'), made.name, true), { lead_name: lead.name })
}

async function contactFor(ctx: Context, lead: AnyDocument, customer: AnyDocument, given: string | undefined): Promise<AnyDocument> {
  const link = { link_doctype: 'Customer', link_name: customer.name, link_title: customer.customer_name }
  if (given) {
    const contact = await openForWrite(ctx, 'Contact', given)
    const links = contact.links as { link_doctype: string; link_name: string }[]
    if (links.some((one) => one.link_doctype === 'Customer' && one.link_name === customer.name)) return contact
    return save(ctx, contact, { links: [...links, link] })
  }
  const made = await insert(ctx, 'Contact', {
    ...copied(lead, [
      'organization',
      'salutation',
      'middle_name',
      'last_name',
      'company_name',
      'phone',
      'mobile_no',
      'image',
      'unsubscribed',
    ]),
    first_name: lead.first_name || lead.lead_name,
    designation: lead.job_title,
    links: [link],
    ...(lead.email ? { email_ids: [{ email_id: lead.email, is_primary: 1 }] } : {}),
  })
  if (!lead.consent_given_on) return made
  // Consent was given to the organization, not to the lead.
  const elevated = ctx.asSystem('consent follows the lead')
  const stored = await load(elevated, await ctx.site.meta.get('Contact'), made.name, true)
  return save(elevated, stored, copied(lead, ['consent_given_on', 'consent_text']))
}

async function keepMainContact(elevated: Context, customer: AnyDocument, contact: AnyDocument): Promise<void> {
  const stored = await load(elevated, await elevated.site.meta.get('Customer'), customer.name, true)
  await save(elevated, stored, { customer_primary_contact: contact.name })
}

async function dealFor(
  ctx: Context,
  elevated: Context,
  lead: AnyDocument,
  customer: AnyDocument,
  contact: AnyDocument,
  wish: Readonly<Record<string, unknown>>,
): Promise<AnyDocument> {
  const products = (lead.products as AnyDocument[]).map((row) =>
    copied(row, ['product_code', 'product_name', 'description', 'qty', 'rate', 'discount_percentage']),
  )
  await demand(ctx, 'create', 'Deal')
  const made = await insert(ctx, 'Deal', {
    title: lead.company_name || lead.lead_name,
    opportunity_from: 'Customer',
    party_name: customer.name,
    ...copied(lead, ['organization', 'territory', 'source']),
    deal_owner: lead.lead_owner ?? ctx.user.name,
    contacts: [{ contact: contact.name, is_primary: 1 }],
    products,
    ...(lead.currency ? { currency: lead.currency } : {}),
    ...wish,
  })
  return save(elevated, await load(elevated, await ctx.site.meta.get('Deal'), made.name, true), { lead: lead.name })
}

/** The same bytes, attached to the heir as well. */
async function carryFiles(elevated: Context, lead: AnyDocument, heir: AnyDocument): Promise<void> {
  const files = await findRows(
    elevated,
    await elevated.site.meta.get('File'),
    and(where('attached_to_doctype', '=', 'Lead'), where('attached_to_name', '=', lead.name)),
    { orderBy: [['creation', 'asc']] },
  )
  for (const file of files) {
    const facts = [
      'file_name',
      'file_url',
      'is_private',
      'file_size',
      'content_hash',
      'content_type',
      'file_type',
      'thumbnail_url',
      'uploaded_by',
    ]
    await insert(elevated, 'File', {
      ...copied(file as unknown as AnyDocument, facts),
      attached_to_doctype: heir.doctype,
      attached_to_name: heir.name,
    })
  }
}

async function carryTasks(elevated: Context, lead: AnyDocument, heir: AnyDocument): Promise<void> {
  const meta = await elevated.site.meta.get('ToDo')
  const about = and(where('reference_type', '=', 'Lead'), where('reference_name', '=', lead.name), where('status', '=', 'Open'))
  for (const row of await findRows(elevated, meta, about, { fields: ['name'] }))
    await save(elevated, await load(elevated, meta, row.name, true), { reference_type: heir.doctype, reference_name: heir.name })
}

/** What was said is shown with the heirs as well; it stays about the lead. */
async function showTalks(elevated: Context, lead: AnyDocument, heirs: readonly AnyDocument[]): Promise<void> {
  const meta = await elevated.site.meta.get('Communication')
  const about = and(where('reference_doctype', '=', 'Lead'), where('reference_name', '=', lead.name))
  for (const row of await findRows(elevated, meta, about, { fields: ['name'] })) {
    const talk = await load(elevated, meta, row.name, true)
    const links = heirs.map((heir) => ({ link_doctype: heir.doctype, link_name: heir.name }))
    await save(elevated, talk, { timeline_links: [...((talk.timeline_links as AnyDocument[] | undefined) ?? []), ...links] })
  }
}

function copied(from: AnyDocument, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    fields.filter((field) => from[field] !== null && from[field] !== undefined).map((field) => [field, from[field]]),
  )
}
