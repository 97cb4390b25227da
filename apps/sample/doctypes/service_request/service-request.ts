import { Type } from 'typebox'
import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, type ChildFields, Document } from '#kernel/documents/document.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { count } from '#kernel/query/count.ts'
import { RequestClosed, RequestHasOpenVisits } from '../../errors.ts'

interface ItemFields extends ChildFields {
  quantity: number
  rate: Decimal
  amount: Decimal
}

interface ServiceRequestFields {
  subject: string
  organization: string
  status: 'Open' | 'Scheduled' | 'Resolved' | 'Cancelled'
  technician: string | null
  estimated_cost: Decimal
  items: ItemFields[]
}

/** Places of an amount of money. */
const cents = 2

export default class ServiceRequest extends Document<ServiceRequestFields> {
  validate(): void {
    for (const item of this.items) item.amount = item.rate.times(item.quantity).round(cents, 'half-up')
    this.estimated_cost = this.items.reduce((sum, item) => sum.plus(item.amount), Decimal.zero)
  }

  /** Plans a visit; the first one puts the request on the schedule. @throws RequestClosed */
  async schedule(ctx: Context, visit: { technician: string; starts_at: string }): Promise<AnyDocument> {
    this.demandUnfinished()
    const { technician, starts_at } = visit
    const planned = await insert(ctx, 'Site Visit', { service_request: this.name, technician, starts_at })
    await save(ctx, this as unknown as AnyDocument, { status: 'Scheduled', technician })
    return planned
  }

  /** Says that the work is done. @throws RequestClosed, RequestHasOpenVisits */
  async resolve(ctx: Context): Promise<void> {
    this.demandUnfinished()
    // Whoever may resolve need not see every visit; one that is planned counts all the same.
    const visits = await count(ctx.asSystem('planned visits of a request to be resolved'), 'Site Visit', {
      filters: { service_request: this.name, status: 'Planned' },
      wire: { version: 1, zone: ctx.site.timeZone },
    })
    if (visits > 0) throw new RequestHasOpenVisits({ request: this.name, visits })
    await save(ctx, this as unknown as AnyDocument, { status: 'Resolved' })
  }

  private demandUnfinished(): void {
    if (this.status === 'Resolved' || this.status === 'Cancelled') throw new RequestClosed({ request: this.name, status: this.status })
  }
}

const asRequest = (document: AnyDocument): ServiceRequest => document as unknown as ServiceRequest

export const documentMethods = [
  defineDocumentMethod({
    verb: 'schedule',
    doctype: 'Service Request',
    summary: 'Plans a visit for the request.',
    input: Type.Object({ technician: Type.String(), starts_at: Type.String() }),
    needs: 'write',
    async handler(ctx, document, input) {
      return { visit: (await asRequest(document).schedule(ctx, input)).name }
    },
  }),
  defineDocumentMethod({
    verb: 'resolve',
    doctype: 'Service Request',
    summary: 'Says that the work is done.',
    input: Type.Object({}),
    needs: 'write',
    handler: (ctx, document) => asRequest(document).resolve(ctx),
  }),
]
