import { Decimal, type DecimalInput } from './decimal.ts'
import { weighted } from './crm-deal.ts'

export type DealStatus = 'Open' | 'Ongoing' | 'On Hold' | 'Won' | 'Lost'

/** How a deal stood from a moment on, until the next event of the same deal. */
export interface DealState {
  readonly deal: string
  /** UTC, `YYYY-MM-DD HH:MM:SS.ffffff`. */
  readonly at: string
  /** Counts the events of one deal, from 1. */
  readonly sequence: number
  /** `Deleted`: from here on there is no such deal. */
  readonly status: DealStatus | 'Deleted'
  /** Percent. */
  readonly probability: DecimalInput
  /** In the deal's own currency. */
  readonly deal_value: DecimalInput
  /** What one unit of that is worth in the organization's currency. */
  readonly exchange_rate: DecimalInput
  /** ISO day; the day it was closed for one that is won or lost. */
  readonly close_date: string | null
}

export interface ForecastLine<E extends DealState> {
  readonly deal: string
  readonly state: E
  readonly value: Decimal
  readonly weighted: Decimal
  /** Every event up to the moment asked about, the oldest first: the last one says why the figure is what it is. */
  readonly events: readonly E[]
}

export interface ForecastMonth<E extends DealState> {
  /** `2026-11`; empty for deals without a date to close on. */
  readonly month: string
  /** Probability × value of what is not decided yet. */
  readonly weighted: Decimal
  /** Value of what is not decided yet. */
  readonly open: Decimal
  /** Value of what was won. */
  readonly won: Decimal
  readonly lines: readonly ForecastLine<E>[]
}

/**
 * The forecast as it stood at a moment, by the month in which deals close, in the organization's currency. It follows from the events alone:
 * asked again about the same moment it gives the same figures, whatever has happened since.
 * @param events  of any number of deals, in any order
 * @param at      UTC; events later than this count for nothing
 */
export function forecastAt<E extends DealState>(events: Iterable<E>, at: string): ForecastMonth<E>[] {
  const histories = new Map<string, E[]>()
  for (const event of events) {
    if (event.at > at) continue
    const history = histories.get(event.deal)
    if (history) history.push(event)
    else histories.set(event.deal, [event])
  }
  const months = new Map<string, ForecastLine<E>[]>()
  for (const [deal, history] of histories) {
    history.sort((one, other) => one.sequence - other.sequence)
    const state = history.at(-1) as E
    // The number of a deleted deal may be given again: what came before belongs to another deal.
    history.splice(0, history.findLastIndex(({ status }) => status === 'Deleted') + 1)
    if (state.status === 'Lost' || state.status === 'Deleted') continue
    const figures = weighted(state.deal_value, state.exchange_rate, state.status === 'Won' ? 100 : state.probability)
    const month = state.close_date?.slice(0, 7) ?? ''
    const line = { deal, state, value: figures.base, weighted: figures.weighted, events: history }
    months.set(month, [...(months.get(month) ?? []), line])
  }
  return [...months].sort(([one], [other]) => (one < other ? -1 : 1)).map(([month, lines]) => summed(month, lines))
}

function summed<E extends DealState>(month: string, lines: ForecastLine<E>[]): ForecastMonth<E> {
  let [open, won, share] = [Decimal.zero, Decimal.zero, Decimal.zero]
  for (const line of lines) {
    if (line.state.status === 'Won') won = won.plus(line.value)
    else {
      open = open.plus(line.value)
      share = share.plus(line.weighted)
    }
  }
  lines.sort((one, other) => other.weighted.compare(one.weighted) || (one.deal < other.deal ? -1 : 1))
  return { month, weighted: share, open, won, lines }
}
