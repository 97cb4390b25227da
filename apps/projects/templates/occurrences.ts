import { addDays, addMonths } from '#client/rules/dates.ts'

const months: Readonly<Record<string, number>> = { Month: 1, Quarter: 3, Year: 12 }

/**
 * The n-th day of a rhythm, the first being 0. Counted from the first day, so that the 31st comes back after a short month.
 * @param frequency Day, Week, Month, Quarter or Year
 */
export function occurrence(first: string, frequency: string, every: number, number: number): string {
  const step = Math.max(1, every) * number
  if (frequency === 'Day') return addDays(first, step)
  if (frequency === 'Week') return addDays(first, 7 * step)
  return addMonths(first, (months[frequency] ?? 1) * step)
}

/** The first day of a rhythm that is not before a given one. */
export function nextOccurrence(first: string, frequency: string, every: number, from: string): string {
  let number = 0
  // Far-off days are found in leaps.
  for (let leap = 1 << 20; leap >= 1; leap >>= 1) while (safe(first, frequency, every, number + leap) < from) number += leap
  const day = occurrence(first, frequency, every, number)
  return day >= from ? day : occurrence(first, frequency, every, number + 1)
}

function safe(first: string, frequency: string, every: number, number: number): string {
  try {
    return occurrence(first, frequency, every, number)
  } catch {
    return '9999-12-31'
  }
}
