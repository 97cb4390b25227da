import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { BadBillingValue } from '../../../errors.ts'
import { fillCompany } from '../../company-facts.ts'

interface YearFields {
  organization: string
  company: string | null
  year_start_date: string | null
  year_end_date: string | null
}

/** A year of the books; no day lies in two. */
export default class FiscalYear extends Document<YearFields> {
  async validate(ctx: Context): Promise<void> {
    await fillCompany(ctx, this)
    const [start, end] = [this.year_start_date ?? '', this.year_end_date ?? '']
    if (start === '' || end === '') return
    if (end <= start) throw new BadBillingValue({ field: 'year_end_date', reason: 'a year ends after it begins.' })
    const others = await findRows(
      ctx,
      await ctx.site.meta.get('Fiscal Year'),
      {
        all: [
          where('company', '=', this.company),
          where('name', '!=', this.name ?? ''),
          where('year_start_date', '<=', end),
          where('year_end_date', '>=', start),
        ],
      },
      { fields: ['name', 'year'], limit: 1 },
    )
    if (others[0]) throw new BadBillingValue({ field: 'year_start_date', reason: `it overlaps with ${String(others[0].year)}.` })
  }
}
