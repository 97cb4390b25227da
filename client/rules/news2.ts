import { defineError } from './errors.ts'

/** One set of observations, as far as they were taken. */
export interface Observations {
  /** Breaths per minute. */
  readonly respiratoryRate?: number | null
  /** Oxygen saturation in percent. */
  readonly spo2?: number | null
  /** Scale 2 is for hypercapnic respiratory failure, where a clinician has set a target of 88 to 92 %; otherwise 1. */
  readonly spo2Scale?: 1 | 2
  readonly onOxygen?: boolean
  /** mmHg. */
  readonly systolic?: number | null
  /** Beats per minute. */
  readonly pulse?: number | null
  /** `A` alert, `C` new confusion, `V` responds to voice, `P` to pain, `U` unresponsive. */
  readonly consciousness?: Consciousness | null
  /** Degrees Celsius; counted to one decimal place. */
  readonly temperature?: number | null
}

export type Consciousness = 'A' | 'C' | 'V' | 'P' | 'U'
export type Parameter = 'respiratoryRate' | 'spo2' | 'oxygen' | 'systolic' | 'pulse' | 'consciousness' | 'temperature'
export type Risk = 'Low' | 'Low-medium' | 'Medium' | 'High'

export interface News2 {
  /** 0 to 20. */
  readonly score: number
  readonly risk: Risk
  /** What each parameter adds. */
  readonly parts: Readonly<Record<Parameter, number>>
}

export const ObservationImplausible = defineError<{ field: string; value: number; least: number; most: number }>({
  code: 'health/observation-implausible',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.value} cannot be; it must lie between ${d.least} and ${d.most}.`,
})

/** Upper ends of bands with their points; the last band has no end. */
type Bands = readonly (readonly [upTo: number, points: number])[]

const end = Number.POSITIVE_INFINITY
const respiratory: Bands = [[8, 3], [11, 1], [20, 0], [24, 2], [end, 3]] // biome-ignore format: a table
const saturation: Bands = [[91, 3], [93, 2], [95, 1], [end, 0]] // biome-ignore format: a table
const saturationOnAir: Bands = [[83, 3], [85, 2], [87, 1], [end, 0]] // biome-ignore format: a table
const saturationOnOxygen: Bands = [[83, 3], [85, 2], [87, 1], [92, 0], [94, 1], [96, 2], [end, 3]] // biome-ignore format: a table
const pressure: Bands = [[90, 3], [100, 2], [110, 1], [219, 0], [end, 3]] // biome-ignore format: a table
const heart: Bands = [[40, 3], [50, 1], [90, 0], [110, 1], [130, 2], [end, 3]] // biome-ignore format: a table
/** Tenths of a degree, so that 38.1 is what it looks like. */
const warmth: Bands = [[350, 3], [360, 1], [380, 0], [390, 1], [end, 2]] // biome-ignore format: a table

const points = (bands: Bands, value: number): number => (bands.find(([upTo]) => value <= upTo) as readonly [number, number])[1]

/**
 * The National Early Warning Score 2 of the Royal College of Physicians (2017).
 * @returns undefined while something is missing: half a score would look better than the patient is
 */
export function news2(seen: Observations): News2 | undefined {
  if (missingObservations(seen).length > 0) return undefined
  const { respiratoryRate, spo2, spo2Scale = 1, onOxygen = false, systolic, pulse, consciousness, temperature } = seen
  const scale = spo2Scale === 1 ? saturation : onOxygen ? saturationOnOxygen : saturationOnAir
  const parts = {
    respiratoryRate: points(respiratory, respiratoryRate as number),
    spo2: points(scale, spo2 as number),
    oxygen: onOxygen ? 2 : 0,
    systolic: points(pressure, systolic as number),
    pulse: points(heart, pulse as number),
    consciousness: consciousness === 'A' ? 0 : 3,
    temperature: points(warmth, Math.round((temperature as number) * 10)),
  }
  const score = Object.values(parts).reduce((sum, part) => sum + part, 0)
  return { score, risk: riskOf(score, Math.max(...Object.values(parts)) === 3), parts }
}

/** What is still needed for a score. */
export function missingObservations(seen: Observations): Parameter[] {
  const needed = ['respiratoryRate', 'spo2', 'systolic', 'pulse', 'consciousness', 'temperature'] as const
  return needed.filter((name) => seen[name] === undefined || seen[name] === null)
}

function riskOf(score: number, hasRedPart: boolean): Risk {
  if (score >= 7) return 'High'
  if (score >= 5) return 'Medium'
  return hasRedPart ? 'Low-medium' : 'Low'
}

/** Values outside these are slips of the hand, by the field that holds them. */
export const plausible: Readonly<Record<string, readonly [least: number, most: number]>> = {
  respiratory_rate: [0, 100],
  spo2: [0, 100],
  bp_systolic: [0, 400],
  bp_diastolic: [0, 300],
  pulse: [0, 400],
  temperature: [20, 46],
  height: [20, 280],
  weight: [0.2, 700],
}

/** @param values by fieldname; empty ones are passed over @throws ObservationImplausible */
export function demandPlausible(values: Readonly<Record<string, unknown>>): void {
  for (const [field, [least, most]] of Object.entries(plausible)) {
    const given = values[field]
    if (given === null || given === undefined || given === '') continue
    const value = Number(given)
    if (!(value >= least && value <= most)) throw new ObservationImplausible({ field, value, least, most })
  }
}
