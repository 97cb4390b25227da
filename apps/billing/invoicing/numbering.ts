import type { Context } from '#kernel/context/context.ts'
import { nextInSeries } from '#kernel/documents/counters.ts'
import type { CompanyFacts } from '../books/company-facts.ts'
import { BadBillingValue } from '../errors.ts'

/**
 * The next number of a company's own series: `INV-.YYYY.-.#####`, `RE/.YY..MM./.####`; year and month are those of the document's day. It is
 * drawn at submission, so that drafts that come to nothing leave no gap, and its counter is the company's own: the row of the counter stays
 * locked until the submission is committed, or undone with it.
 */
export async function nextNumber(ctx: Context, facts: CompanyFacts, series: string, date: string): Promise<string> {
  checkSeries(series, 'invoice_number_series')
  let number = ''
  for (const part of series.split('.')) {
    if (!/^#+$/.test(part)) {
      number += part === 'YYYY' ? date.slice(0, 4) : part === 'YY' ? date.slice(2, 4) : part === 'MM' ? date.slice(5, 7) : part
      continue
    }
    const count = await nextInSeries(ctx, `billing:${facts.name}:${number}`)
    number += String(count).padStart(part.length, '0')
  }
  return number
}

/** @throws BadBillingValue for a series that does not count exactly once */
export function checkSeries(series: string, field: string): void {
  if (series.split('.').filter((part) => /^#+$/.test(part)).length !== 1)
    throw new BadBillingValue({ field, reason: 'a series counts once, such as INV-.YYYY.-.#####.' })
}
