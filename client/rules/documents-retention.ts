/** How long something is kept. */
export interface Retention {
  /** Whole, at least 1. */
  readonly count: number
  readonly unit: 'Days' | 'Months' | 'Years'
}

/**
 * The first day on which what began on a day need not be kept any more. A month that has no such day ends with its last: 31 January and one month
 * make 28 February, so that nothing is kept longer than was said, nor a leap day forgotten.
 * @param start ISO day
 * @returns ISO day; the longest that can be written is 9999-12-31, which is then never
 */
export function retainedUntil(start: string, { count, unit }: Retention): string {
  const [year = 0, month = 1, day = 1] = start.split('-').map(Number)
  if (unit === 'Days') return isoDay(new Date(Date.UTC(year, month - 1, day) + count * 86_400_000))
  const months = year * 12 + (month - 1) + count * (unit === 'Years' ? 12 : 1)
  const last = new Date(Date.UTC(Math.floor(months / 12), (months % 12) + 1, 0)).getUTCDate()
  return isoDay(new Date(Date.UTC(Math.floor(months / 12), months % 12, Math.min(day, last))))
}

function isoDay(date: Date): string {
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999) return '9999-12-31'
  return date.toISOString().slice(0, 10)
}
