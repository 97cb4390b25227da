import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { networkOf } from '#kernel/identity/sign-in-failures.ts'
import { demandRate } from '#kernel/limits/rate-limit.ts'
import { defineMethod, guests } from '#kernel/methods/method.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import { ConsentNeeded, FormUnknown } from '../errors.ts'
import { keepOrganizationsApart } from '../organization.ts'
import { mailKey } from '../reachable.ts'

const short = Type.Optional(Type.String({ maxLength: 140 }))
/** All answers to one form, from wherever: more than that is no crowd of customers. */
const mostPerForm = { limit: 1000, windowMs: 3_600_000 }

async function publishedForm(ctx: Context, key: string): Promise<FoundRow> {
  const meta = await ctx.site.meta.get('Lead Form')
  const [form] = await findRows(ctx, meta, and(where('form_key', '=', key), where('is_published', '=', 1)), { limit: 1 })
  if (!form) throw new FormUnknown({ field: 'form' })
  return form
}

const shownForm = defineMethod({
  path: 'orchestrator.crm.lead_form',
  summary: 'What a website needs to show a form: its title and what is to be agreed to.',
  verbs: ['GET'],
  input: Type.Object({ form: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: guests,
  async handler(ctx, { form: key }) {
    await demandRate(ctx.site, `lead-form-shown:${networkOf(ctx.request.ip)}`, { limit: 600, windowMs: 3_600_000 })
    const form = await publishedForm(ctx, key)
    return { title: form.form_title, consent_required: Boolean(form.consent_required), consent_text: form.consent_text }
  },
})

/**
 * Strangers tell who they are. `website_address` is a field that people do not see: whoever fills it in is a program, and is thanked for
 * nothing. A second letter from the same address joins the lead that is open; the answer is the same in every case, so that nobody learns who is
 * known.
 */
const submitForm = defineMethod({
  path: 'orchestrator.crm.submit_lead_form',
  summary: 'Takes the answers to a published form; makes a lead of them.',
  verbs: ['POST'],
  input: Type.Object({
    form: Type.String({ minLength: 1, maxLength: 140 }),
    first_name: short,
    last_name: short,
    company_name: short,
    job_title: short,
    email: short,
    phone: short,
    city: short,
    message: Type.Optional(Type.String({ maxLength: 10_000 })),
    consent: Type.Optional(Type.Boolean()),
    website_address: Type.Optional(Type.String({ maxLength: 1000 })),
  }),
  rule: guests,
  async handler(ctx, given) {
    const form = await publishedForm(ctx, given.form)
    const perNetwork = { limit: Math.max(1, Number(form.hourly_limit) || 20), windowMs: 3_600_000 }
    await demandRate(ctx.site, `lead-form:${form.name}:${networkOf(ctx.request.ip)}`, perNetwork)
    await demandRate(ctx.site, `lead-form:${form.name}`, mostPerForm)
    const thanks = { thanks: form.thanks || 'Thank you.' }
    if (given.website_address) return thanks
    if (form.consent_required && !given.consent) throw new ConsentNeeded({ field: 'consent' })
    const elevated = ctx.asSystem('a form of the website')
    const lead = (await openLead(elevated, form, given.email)) ?? (await makeLead(elevated, form, given))
    if (given.message) await keepLetter(elevated, form, lead, given)
    return thanks
  },
})

async function openLead(ctx: Context, form: FoundRow, email: string | undefined): Promise<AnyDocument | undefined> {
  const mail = mailKey(email)
  if (!mail) return undefined
  const meta = await ctx.site.meta.get('Lead')
  const known = and(
    where('organization', '=', form.organization),
    where('email', '=', mail),
    where('converted', '=', 0),
    where('status', 'not in', ['Junk', 'Unqualified']),
  )
  const [row] = await findRows(ctx, meta, known, { fields: ['name'], orderBy: [['creation', 'desc']], limit: 1 })
  return row ? load(ctx, meta, row.name) : undefined
}

function makeLead(ctx: Context, form: FoundRow, given: Readonly<Record<string, unknown>>): Promise<AnyDocument> {
  const said = Object.fromEntries(
    ['first_name', 'last_name', 'company_name', 'job_title', 'email', 'phone', 'city'].map((field) => [field, given[field] ?? null]),
  )
  return insert(ctx, 'Lead', {
    ...said,
    organization: form.organization,
    source: form.source,
    territory: form.territory,
    lead_owner: form.lead_owner,
    leadgen_source: form.form_title,
    ...(given.consent ? { consent_given_on: nowText(ctx), consent_text: form.consent_text } : {}),
  })
}

async function keepLetter(ctx: Context, form: FoundRow, lead: AnyDocument, given: Readonly<Record<string, unknown>>): Promise<void> {
  await insert(ctx, 'Communication', {
    subject: form.form_title,
    communication_medium: 'Other',
    communication_type: 'Communication',
    sent_or_received: 'Received',
    sender: lead.email,
    sender_full_name: lead.lead_name,
    phone_no: given.phone ?? null,
    // Their words are text, whatever they look like.
    content: `<p>${escaped(String(given.message)).replaceAll('\n', '<br>')}</p>`,
    reference_doctype: 'Lead',
    reference_name: lead.name,
    status: 'Open',
  })
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** When a lead was first answered, and whose turn it is. */
async function noteAnswer(ctx: Context, talk: AnyDocument): Promise<void> {
  if (talk.reference_doctype !== 'Lead' || talk.communication_type !== 'Communication') return
  const elevated = ctx.asSystem('a talk with a lead')
  const meta = await ctx.site.meta.get('Lead')
  const [lead] = await findRows(ctx, meta, where('name', '=', String(talk.reference_name)), {
    fields: ['name', 'first_responded_on', 'communication_status'],
    limit: 1,
  })
  if (!lead) return
  const isAnswer = talk.sent_or_received === 'Sent'
  const values = {
    ...(isAnswer && !lead.first_responded_on && { first_responded_on: nowText(ctx) }),
    ...(lead.communication_status !== (isAnswer ? 'Replied' : 'Open') && { communication_status: isAnswer ? 'Replied' : 'Open' }),
  }
  if (Object.keys(values).length > 0) await save(elevated, await load(elevated, meta, lead.name, true), values)
}

/** How leads come in by themselves. */
export const intakePart: AppPart = {
  methods: [shownForm, submitForm],
  events: { 'Lead Form': { validate: keepOrganizationsApart }, Communication: { after_insert: noteAnswer } },
}
