/** What somebody can do on a day, and what is asked of them. Hours. */
export interface CapacityDay {
  readonly day: string
  /** Hours of the shift, or of the calendar. */
  readonly gross: number
  readonly away: number
  readonly available: number
  readonly booked: number
  /** Below zero where more is asked than there is. */
  readonly free: number
}

/** Hours asked of somebody from one day to another, both included. Of the three ways to say how much, the first that is there counts. */
export interface Booking {
  readonly from: string
  readonly to: string
  readonly hoursPerDay?: number
  /** Of what is available that day. */
  readonly percent?: number
  /** Shared out evenly over what is available in these days. */
  readonly hours?: number
}

export interface DaySupply {
  readonly day: string
  readonly gross: number
  /** Share of the day that is leave: 0, 0.5 or 1. */
  readonly away: number
}

/**
 * Supply and bookings by day. Nothing is booked by the day on days without supply, as nobody works then anyway.
 * @param supply days in order, all that any booking touches within the period of interest
 */
export function capacityOf(supply: readonly DaySupply[], bookings: readonly Booking[]): CapacityDay[] {
  const available = supply.map(({ gross, away }) => gross * (1 - away))
  const booked = supply.map(() => 0)
  for (const booking of bookings) {
    const days = supply.flatMap(({ day }, index) => (booking.from <= day && day <= booking.to ? [index] : []))
    const room = days.reduce((sum, index) => sum + (available[index] as number), 0)
    for (const index of days) {
      const there = available[index] as number
      const isWorkday = (supply[index] as DaySupply).gross > 0
      if (booking.hoursPerDay !== undefined) booked[index] = (booked[index] as number) + (isWorkday ? booking.hoursPerDay : 0)
      else if (booking.percent !== undefined) booked[index] = (booked[index] as number) + (there * booking.percent) / 100
      else if (room > 0) booked[index] = (booked[index] as number) + ((booking.hours ?? 0) * there) / room
    }
  }
  return supply.map(({ day, gross, away }, index) => ({
    day,
    gross: rounded(gross),
    away: rounded(gross * away),
    available: rounded(available[index] as number),
    booked: rounded(booked[index] as number),
    free: rounded((available[index] as number) - (booked[index] as number)),
  }))
}

/** Days on which more is asked than there is, beyond a tolerance in percent of what is available. */
export function overbooked(days: readonly CapacityDay[], tolerance = 0): CapacityDay[] {
  return days.filter(({ available, booked }) => booked > available * (1 + tolerance / 100) + 0.005)
}

const rounded = (hours: number): number => Math.round(hours * 100) / 100
