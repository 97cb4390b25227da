import { daysBetween } from './dates.ts'

/** Ranges of days since a payment was due, in order; the last has no end. */
export const ageingBuckets = [
  { fieldname: 'not_due', label: 'Not due', upTo: 0 },
  { fieldname: 'range1', label: '1-30', upTo: 30 },
  { fieldname: 'range2', label: '31-60', upTo: 60 },
  { fieldname: 'range3', label: '61-90', upTo: 90 },
  { fieldname: 'range4', label: 'Over 90', upTo: Number.POSITIVE_INFINITY },
] as const
export type AgeingBucket = (typeof ageingBuckets)[number]['fieldname']

/** Days since the day, and the range they are in; negative before it. Both days are ISO. */
export function bucketOf(since: string, today: string): { age: number; bucket: AgeingBucket } {
  const age = daysBetween(since, today)
  return { age, bucket: ageingBuckets.find(({ upTo }) => age <= upTo)?.fieldname ?? 'range4' }
}
