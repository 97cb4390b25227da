import { dayFromNumber, dayNumber } from '#client/rules/dates.ts'

/** Days from 1970 back to the day that sheets count as 0; right from 1 March 1900 on, before which Excel knows a day that never was. */
const epoch1900 = -25_569
const epoch1904 = -24_107
const firstSerial = 61
/** The end of the year 9999. */
const last1900 = 2_958_465
const last1904 = 2_957_003
const dayMicros = 86_400_000_000n
const places = 15

/** A day as a sheet counts it; undefined before 1 March 1900, which sheets do not agree on. */
export function serialOfDay(day: string): string | undefined {
  const serial = dayNumber(day) - epoch1900
  return serial < firstSerial ? undefined : String(serial)
}

/** A time stamp `YYYY-MM-DD HH:MM:SS[.ffffff]` as a sheet counts it, exact to the microsecond. */
export function serialOfDatetime(text: string): string | undefined {
  const day = serialOfDay(text.slice(0, 10))
  return day === undefined ? undefined : `${day}.${fractionOf(text.slice(11))}`
}

/** A time `H:MM:SS[.ffffff]` as a fraction of a day. */
export function serialOfTime(text: string): string {
  return `0.${fractionOf(text)}`
}

function fractionOf(time: string): string {
  const [hours = '0', minutes = '0', seconds = '0'] = time.split(':')
  const [whole = '0', fraction = ''] = seconds.split('.')
  const micros =
    BigInt((Number(hours) * 60 + Number(minutes)) * 60 + Number(whole)) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
  // Rounded up in the last place, so that reading cannot fall short.
  return String((micros * 10n ** BigInt(places) + dayMicros - 1n) / dayMicros).padStart(places, '0')
}

/** The text that a sheet's number stands for, by the kind that its format shows; undefined when there is no such day. */
export function textOfSerial(value: string, kind: 'date' | 'datetime' | 'time', from1904: boolean): string | undefined {
  const parts = /^(\d{1,7})(?:\.(\d{1,20}))?$/.exec(Number(value) < 1e-4 || value.includes('E') ? Number(value).toFixed(places) : value)
  if (!parts) return undefined
  let days = Number(parts[1])
  const digits = (parts[2] ?? '').slice(0, places)
  let micros = (BigInt(digits.padEnd(places, '0')) * dayMicros + 5n * 10n ** BigInt(places - 1)) / 10n ** BigInt(places)
  // Programs that write few digits mean whole milliseconds.
  if (digits.length < 12) micros = ((micros + 500n) / 1000n) * 1000n
  if (micros >= dayMicros) {
    micros -= dayMicros
    days++
  }
  if (kind === 'time' && days === 0) return timeText(micros)
  if ((!from1904 && days < firstSerial) || days > (from1904 ? last1904 : last1900)) return undefined
  const day = dayFromNumber(days + (from1904 ? epoch1904 : epoch1900))
  return kind === 'date' ? day : `${day} ${timeText(micros)}`
}

function timeText(micros: bigint): string {
  const seconds = Number(micros / 1_000_000n)
  const pad = (value: number): string => String(value).padStart(2, '0')
  const rest = micros % 1_000_000n
  const fraction = rest === 0n ? '' : `.${String(rest).padStart(6, '0')}`
  return `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}${fraction}`
}
