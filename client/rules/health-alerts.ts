/** Something that a patient must not, or should not, be given. */
export interface KnownAllergy {
  readonly substance: string
  readonly severity: Severity
  readonly reaction?: string | null
}

export type Severity = 'Mild' | 'Moderate' | 'Severe' | 'Life-threatening'

/** A medication with what is in it. */
export interface Drug {
  readonly medication: string
  /** Ingredients and classes, such as `Amoxicillin`, `Penicillins`. */
  readonly substances: readonly string[]
  /** Substances, or medications, that it must not meet. */
  readonly interactions?: readonly { readonly with: string; readonly severity: Severity; readonly effect?: string | null }[]
}

export interface DrugAlert {
  readonly kind: 'allergy' | 'interaction' | 'duplicate'
  /** Place of the drug in the list that was asked about, from 0. */
  readonly index: number
  readonly medication: string
  /** The substance, or the other medication. */
  readonly because: string
  readonly severity: Severity
  readonly text: string
}

const rank: Readonly<Record<Severity, number>> = { Mild: 0, Moderate: 1, Severe: 2, 'Life-threatening': 3 }

/** Whether somebody has to say why before such a drug may be given. */
export function needsReason(alert: DrugAlert): boolean {
  return alert.kind !== 'duplicate' && rank[alert.severity] >= rank.Severe
}

/**
 * What speaks against giving drugs to somebody: allergies to what is in them, interactions among them and with what is taken already
 * (whichever of the two declares it), and the same substance twice. Names are compared without regard to case and spaces.
 * @returns the gravest first; an alert for each drug and cause
 */
export function drugAlerts(given: readonly Drug[], taken: readonly Drug[], allergies: readonly KnownAllergy[]): DrugAlert[] {
  const alerts: DrugAlert[] = []
  for (const [index, drug] of given.entries()) {
    const holds = contents(drug)
    for (const { substance, severity, reaction } of allergies)
      if (holds.has(plain(substance)))
        alerts.push({
          kind: 'allergy',
          index,
          medication: drug.medication,
          because: substance,
          severity,
          text: `The patient is allergic to ${substance}${reaction ? ` (${reaction})` : ''}, and ${drug.medication} holds it.`,
        })
    for (const other of [...given.slice(0, index), ...taken]) alerts.push(...between(index, drug, other))
  }
  return alerts.sort((a, b) => rank[b.severity] - rank[a.severity] || a.index - b.index)
}

function between(index: number, drug: Drug, other: Drug): DrugAlert[] {
  const alerts: DrugAlert[] = []
  const seen = new Set<string>()
  for (const [one, two] of [[drug, other], [other, drug]] as const) // biome-ignore format: a pair
    for (const { with: against, severity, effect } of one.interactions ?? []) {
      if (!contents(two).has(plain(against)) || seen.has(severity)) continue
      seen.add(severity)
      const text = `${drug.medication} and ${other.medication} interact${effect ? `: ${effect}` : ''}.`
      alerts.push({ kind: 'interaction', index, medication: drug.medication, because: other.medication, severity, text })
    }
  const shared = drug.substances.find((substance) => other.substances.some((one) => plain(one) === plain(substance)))
  if (shared || plain(drug.medication) === plain(other.medication)) {
    const because = shared ?? other.medication
    const text = `${because} would be taken twice: ${drug.medication} and ${other.medication}.`
    alerts.push({ kind: 'duplicate', index, medication: drug.medication, because, severity: 'Moderate', text })
  }
  return alerts
}

const contents = (drug: Drug): Set<string> => new Set([drug.medication, ...drug.substances].map(plain))

function plain(name: string): string {
  return name.normalize('NFKC').trim().replaceAll(/\s+/g, ' ').toLowerCase()
}
