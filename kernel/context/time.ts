import type { Context } from './context.ts'

/** The context's time in document form: UTC, `YYYY-MM-DD HH:MM:SS.ffffff`. */
export function nowText(ctx: Pick<Context, 'clock'>): string {
  return textOfInstant(ctx.clock.now())
}

/** @param instant milliseconds since 1970 */
export function textOfInstant(instant: number): string {
  const iso = new Date(instant).toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}000`
}

/** @param text a UTC time in document form @returns milliseconds since 1970 */
export function instantOfText(text: string): number {
  return Date.parse(`${text.slice(0, 10)}T${text.slice(11, 23)}Z`)
}

/** A time after both: the given one, or one microsecond past `earlier`, so that `modified` grows with every save. */
export function laterThan(now: string, earlier: string | undefined): string {
  if (!earlier || now > earlier) return now
  const micros = Number(earlier.slice(20)) + 1
  if (micros < 1_000_000) return `${earlier.slice(0, 20)}${String(micros).padStart(6, '0')}`
  return textOfInstant(instantOfText(`${earlier.slice(0, 19)}.000000`) + 1000)
}
