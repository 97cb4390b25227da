import type { Predicate } from '#client/rules/predicate.ts'

export const actions = [
  'select',
  'read',
  'write',
  'create',
  'delete',
  'submit',
  'cancel',
  'amend',
  'print',
  'email',
  'report',
  'import',
  'export',
  'share',
] as const
export type Action = (typeof actions)[number]

/** What one user may do with one DocType: data, compiled once per version of metadata and access rules. */
export interface Grant {
  readonly doctype: string
  readonly action: Action
  /** False: refused before looking at any row. */
  readonly allowed: boolean
  /** The rows it covers; shares are part of it. */
  readonly rows: Predicate
  /** The part of `rows` that a share gives, which app checks do not reach; absent: shares give nothing here. */
  readonly byShare?: Predicate
  /** Permission levels the user may read (for reading actions) or write (for the others). Level 0 is in it when `allowed`. */
  readonly levels: ReadonlySet<number>
  /** Fieldnames that the user sees only masked. */
  readonly masked: ReadonlySet<string>
  /** The user holds only `select`: name, title and search fields. */
  readonly selectOnly: boolean
  /** How it came about, in the order the rules were tried; for `explain`. */
  readonly trail: readonly TrailStep[]
}

/** One rule that took part in a decision. */
export interface TrailStep {
  /** role, owner, scope, user-permission, share, app-condition, app-check, key-scope, administrator, default */
  rule: string
  outcome: 'grants' | 'restricts' | 'refuses' | 'silent'
  /** One sentence for a person. */
  text: string
  predicate?: Predicate
}
