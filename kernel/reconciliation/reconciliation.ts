import { partsOf } from '#kernel/apps/apps.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Site } from '#kernel/sites/site.ts'
import { ReconciliationUnknown } from './errors.ts'

/** A check of things that should agree and may have drifted apart: an app declares it with `defineReconciliation` under `reconciliations`. */
export interface Reconciliation {
  /** Lower case, digits, `_`; unique on the site. The `job_type` of its logs. */
  readonly name: string
  readonly title: string
  /** As for schedules: `hourly`, `daily`, …, or five cron fields. */
  readonly every: string
  /** True: it can be run for one organization. */
  readonly isPerOrganization: boolean
  /** Looks at the next few hundred records. Reads only; goes on from `next` until there is none. */
  readonly check: (ctx: Context, place: CheckPlace) => Promise<CheckedBatch>
  /** Puts one discrepancy right, after looking again whether it still is one. Its writes are a transaction of their own. */
  readonly heal?: (ctx: Context, discrepancy: Discrepancy) => Promise<Healing>
  /** People are told when more than so many are found. */
  readonly alertAbove: number
  /** When more are found, none is put right without a person: that many are no drift but a fault of something else, perhaps of the check. */
  readonly healAtMost: number
}

/** Where a check goes on. */
export interface CheckPlace {
  /** `next` of the batch before; empty at first. */
  readonly after: string
  readonly organization: string | undefined
}

/** What a batch found. Plain JSON. */
export interface CheckedBatch {
  /** Records that were looked at. */
  readonly checked: number
  readonly discrepancies: readonly Discrepancy[]
  /** Where the next batch begins; absent: this was the last. */
  readonly next?: string
}

/** Something that does not agree. Plain JSON, and no values of fields: the log is read by people who may not see them. */
export interface Discrepancy {
  /** One word or two: `content missing`. */
  readonly kind: string
  readonly doctype?: string
  readonly name?: string
  /** Where in the document, or what it points to. */
  readonly detail?: string
}

/** `healed`; `gone`: it is no discrepancy any more; else why it needs a person. */
export type Healing = 'healed' | 'gone' | { readonly left: string }

/** What `defineReconciliation` is told. */
export type ReconciliationDeclaration = Pick<Reconciliation, 'name' | 'title' | 'check' | 'heal'> & {
  /** Default: `daily`. */
  readonly every?: string
  readonly isPerOrganization?: boolean
  /** Default: 10. */
  readonly alertAbove?: number
  /** Default: 100. */
  readonly healAtMost?: number
}

/** Declares a reconciliation. @throws Error where the declaration cannot be meant: it is code, not input */
export function defineReconciliation(declaration: ReconciliationDeclaration): Reconciliation {
  const made: Reconciliation = { every: 'daily', isPerOrganization: false, alertAbove: 10, healAtMost: 100, ...declaration }
  if (!/^[a-z][a-z0-9_]{0,69}$/.test(made.name)) throw new Error(`"${made.name}" cannot be the name of a reconciliation.`)
  if (made.title.trim() === '') throw new Error(`The reconciliation ${made.name} has no title.`)
  for (const number of [made.alertAbove, made.healAtMost])
    if (!Number.isInteger(number) || number < 0)
      throw new Error(`A threshold of the reconciliation ${made.name} is no whole number from 0.`)
  return Object.freeze(made)
}

/** The reconciliations that the site's apps declare, in load order. */
export function reconciliationsOf(site: Site): Reconciliation[] {
  return site.apps.all.flatMap(partsOf).flatMap((part) => part.reconciliations ?? [])
}

/** @throws ReconciliationUnknown */
export function reconciliationNamed(site: Site, name: string): Reconciliation {
  const found = reconciliationsOf(site).find((one) => one.name === name)
  if (!found) throw new ReconciliationUnknown({ field: 'name', name: name.slice(0, 140) })
  return found
}
