import { addDays, daysBetween } from './dates.ts'

/** A row of the leave ledger, as far as counting needs it. Dates are local days `YYYY-MM-DD`, both ends included. */
export interface LeaveRow {
  readonly name: string
  /** Days; above zero they are given, below they are used. Three decimals count. */
  readonly leaves: number
  readonly from_date: string
  readonly to_date: string
  /** The row says that days were left when their time was over. */
  readonly is_expired?: unknown
  /** Name of the row that this one takes back. */
  readonly reversal_of?: string | null
}

/** Days that were given, and what is left of them. */
export interface Lot {
  readonly name: string
  readonly from: string
  readonly to: string
  /** Thousandths of a day. */
  left: number
}

/** How leave stands once everything up to a day has happened. */
export interface Standing {
  readonly lots: readonly Lot[]
  /** Thousandths of a day that were used and that nothing has covered yet. */
  readonly debt: number
  /** Thousandths of a day that were not covered at the moment they were used. */
  readonly uncovered: number
}

const thousandths = (days: number): number => Math.round(days * 1000)
const days = (milli: number): number => milli / 1000

/** Rows without those that were taken back, and without those that take back. */
export function standingRows<Row extends LeaveRow>(rows: readonly Row[]): Row[] {
  const undone = new Set(rows.flatMap((row) => (row.reversal_of ? [row.reversal_of, row.name] : [])))
  return rows.filter((row) => !undone.has(row.name))
}

/**
 * Plays the ledger through: days are used from what is valid on the first day of their use and ends first. What nothing covers is a debt,
 * paid by what is given next.
 * @param until  later rows do not count; absent: all count
 */
export function play(rows: readonly LeaveRow[], until = '9999-12-31'): Standing {
  const events = standingRows(rows)
    .filter((row) => !row.is_expired && row.from_date <= until)
    .sort((a, b) => compare(a.from_date, b.from_date) || b.leaves - a.leaves || compare(a.name, b.name))
  const lots: Lot[] = []
  let debt = 0
  let uncovered = 0
  for (const event of events) {
    const amount = thousandths(event.leaves)
    if (amount > 0) {
      const paid = Math.min(debt, amount)
      debt -= paid
      lots.push({ name: event.name, from: event.from_date, to: event.to_date, left: amount - paid })
      continue
    }
    let wanted = -amount
    for (const lot of lots
      .filter((one) => one.to >= event.from_date && one.left > 0)
      .sort((a, b) => compare(a.to, b.to) || compare(a.from, b.from))) {
      const taken = Math.min(lot.left, wanted)
      lot.left -= taken
      wanted -= taken
    }
    debt += wanted
    uncovered += wanted
  }
  return { lots, debt, uncovered }
}

/** Days left on a day: what is valid then and not used by then, less what was used without cover. */
export function leaveBalance(rows: readonly LeaveRow[], day: string): number {
  const { lots, debt } = play(rows, day)
  return days(lots.reduce((sum, lot) => sum + (lot.to >= day ? lot.left : 0), 0) - debt)
}

/** Days that can still be used from a day on: of what ends soon no more than there are days until then. */
export function consumableLeave(rows: readonly LeaveRow[], day: string): number {
  const { lots, debt } = play(rows, day)
  const byEnd = new Map<string, number>()
  for (const lot of lots) if (lot.to >= day) byEnd.set(lot.to, (byEnd.get(lot.to) ?? 0) + lot.left)
  let sum = 0
  for (const [end, left] of byEnd) sum += Math.min(left, thousandths(daysBetween(day, end) + 1))
  return days(sum - debt)
}

/** Days of new uses that nothing covers, be it that they or later ones already agreed go short. 0: all is well. */
export function shortfall(rows: readonly LeaveRow[], uses: readonly LeaveRow[]): number {
  return days(Math.max(0, play([...rows, ...uses]).uncovered - play(rows).uncovered))
}

/** A day of leave, and how much of it counts. */
export interface LeaveDay {
  readonly day: string
  readonly leaves: number
}

/** A stretch of leave within which nothing that was given ends. */
export interface LeaveStretch {
  readonly from: string
  readonly to: string
  readonly leaves: number
}

/** Cuts leave where something that was given ends, so that each stretch uses what is valid all through it. */
export function stretches(leave: readonly LeaveDay[], rows: readonly LeaveRow[]): LeaveStretch[] {
  const ends = new Set(standingRows(rows).flatMap((row) => (row.leaves > 0 ? [row.to_date] : [])))
  const last = leave.at(-1)?.day ?? ''
  const cuts = [...ends].filter((end) => leave[0] !== undefined && end >= leave[0].day && end < last).sort()
  const found: { from: string; to: string; milli: number }[] = []
  let cut = 0
  let isNew = true
  for (const { day, leaves } of leave) {
    while (cut < cuts.length && day > (cuts[cut] as string)) {
      cut += 1
      isNew = true
    }
    const current = found.at(-1)
    if (isNew || !current) found.push({ from: day, to: day, milli: thousandths(leaves) })
    else {
      current.to = day
      current.milli += thousandths(leaves)
    }
    isNew = false
  }
  return found.map(({ from, to, milli }) => ({ from, to, leaves: days(milli) }))
}

/** What is to be written so that the ledger says what lapsed before a day. */
export interface Lapse {
  /** The first day on which the days are gone. */
  readonly day: string
  /** Usually below zero; above where days came back after they had lapsed already and were written off too often. */
  readonly leaves: number
  /** The row by which they were given. */
  readonly lot: string
}

/** What lapsed up to a day (that day included), less what the ledger says of it already. Written out, the ledger's sum is the balance. */
export function lapsesDue(rows: readonly LeaveRow[], today: string): Lapse[] {
  const due = new Map<string, { milli: number; lot: string }>()
  const standing = standingRows(rows)
  for (const lot of play(rows).lots) {
    const day = addDays(lot.to, 1)
    if (day > today) continue
    due.set(day, { milli: (due.get(day)?.milli ?? 0) - lot.left, lot: due.get(day)?.lot ?? lot.name })
  }
  for (const row of standing)
    if (row.is_expired)
      due.set(row.from_date, {
        milli: (due.get(row.from_date)?.milli ?? 0) - thousandths(row.leaves),
        lot: due.get(row.from_date)?.lot ?? row.name,
      })
  return [...due]
    .filter(([, { milli }]) => milli !== 0)
    .sort(([a], [b]) => compare(a, b))
    .map(([day, { milli, lot }]) => ({ day, leaves: days(milli), lot }))
}

/** The plain sum of what the ledger says up to a day. */
export function ledgerSum(rows: readonly LeaveRow[], day: string): number {
  return days(rows.reduce((sum, row) => sum + (row.from_date <= day ? thousandths(row.leaves) : 0), 0))
}

/** Days that go on into the next period. @param most 0: no limit */
export function carriedForward(unused: number, most: number): number {
  const left = Math.max(0, thousandths(unused))
  return days(most > 0 ? Math.min(left, thousandths(most)) : left)
}

/** Days that may be paid out. @param most 0: no limit */
export function encashableLeave(balance: number, { nonEncashable = 0, most = 0 }: { nonEncashable?: number; most?: number }): number {
  const free = Math.max(0, thousandths(balance) - thousandths(nonEncashable))
  return days(most > 0 ? Math.min(free, thousandths(most)) : free)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
