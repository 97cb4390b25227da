import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import type { Decimal } from '#client/rules/decimal.ts'
import { dealFigures } from '#client/rules/crm-deal.ts'
import { convertLead } from '../../conversion/convert-lead.ts'
import { NobodyNamed, OnlyByConversion } from '../../errors.ts'
import { mailKey, type Reachable, writeKeys } from '../../reachable.ts'

interface ProductRow extends ChildFields {
  qty: number
  rate: Decimal
  discount_percentage: number
  amount: Decimal
  discount_amount: Decimal
  net_amount: Decimal
}

interface LeadFields extends Reachable {
  first_name: string | null
  middle_name: string | null
  last_name: string | null
  lead_name: string | null
  company_name: string | null
  email: string | null
  status: string
  lead_owner: string | null
  territory: string | null
  lost_reason: string | null
  lost_notes: string | null
  products: ProductRow[]
  converted: 0 | 1
  converted_on: string | null
  customer: string | null
  contact: string | null
  deal: string | null
  first_responded_on: string | null
  consent_given_on: string | null
  consent_text: string | null
}

/** What is written by the platform only: by converting, by answering, by a form of the website. */
const platforms = [
  'converted',
  'converted_on',
  'customer',
  'contact',
  'deal',
  'first_responded_on',
  'consent_given_on',
  'consent_text',
] as const

/** Somebody who may become a customer. */
export default class Lead extends Document<LeadFields> {
  /** A lead that nobody was named for belongs to who looks after its territory. */
  async before_insert(ctx: Context): Promise<void> {
    if (!this.lead_owner && this.territory) this.lead_owner = await managerOf(ctx, this.territory)
  }

  async validate(ctx: Context, { before }: { before?: LeadFields } = {}): Promise<void> {
    this.email = mailKey(this.email)
    const person = [this.first_name, this.middle_name, this.last_name]
      .map((part) => part?.trim())
      .filter(Boolean)
      .join(' ')
    this.lead_name = person || this.company_name?.trim() || this.email
    if (!this.lead_name) throw new NobodyNamed({ doctype: 'Lead', field: 'first_name' })
    if (!ctx.user.unrestricted)
      for (const field of platforms) this[field] = (before?.[field] ?? (field === 'converted' ? 0 : null)) as never
    if ((this.status === 'Converted') !== (this.converted === 1)) {
      if (this.converted !== 1) throw new OnlyByConversion({ field: 'status' })
      this.status = 'Converted'
    }
    if (this.status !== 'Unqualified') {
      this.lost_reason = null
      this.lost_notes = null
    }
    for (const [index, line] of dealFigures(this.products).lines.entries())
      Object.assign(this.products[index] as ProductRow, {
        amount: line.amount,
        discount_amount: line.discountAmount,
        net_amount: line.netAmount,
      })
    await writeKeys(ctx, this, this.company_name && !person ? this.company_name : this.lead_name, before)
  }
}

/** Who looks after a territory, or after the nearest one around it for which somebody was named. */
async function managerOf(ctx: Context, territory: string): Promise<string | null> {
  const [row] = await ctx.db.query<{ manager: string }>(
    ctx.db.dialect.compile(
      sql`select a.territory_manager as manager from ${ident('tabTerritory')} t join ${ident('tabTerritory')} a on a.lft <= t.lft and a.rgt >= t.rgt
        where t.name = ${territory} and a.territory_manager is not null and a.territory_manager <> ${''} order by a.lft desc limit 1`,
    ),
  )
  return row?.manager ?? null
}

const name = Type.Optional(Type.String({ maxLength: 140 }))

export const documentMethods = [
  defineDocumentMethod({
    verb: 'convert',
    doctype: 'Lead',
    summary: 'Makes a customer, a contact and a deal of the lead; its history goes along.',
    input: Type.Object({
      customer: name,
      contact: name,
      create_deal: Type.Optional(Type.Boolean()),
      deal: Type.Optional(
        Type.Object({
          title: Type.Optional(Type.String({ maxLength: 255 })),
          pipeline: name,
          sales_stage: name,
          deal_value: Type.Optional(Type.Union([Type.Number(), Type.String()])),
          currency: name,
          exchange_rate: Type.Optional(Type.Number()),
          expected_closure_date: Type.Optional(Type.String()),
          deal_owner: name,
        }),
      ),
    }),
    needs: 'write',
    handler: (ctx, document, input) => convertLead(ctx, document, input),
  }),
]
