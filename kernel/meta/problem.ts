/** Something that is wrong with a definition. */
export interface Problem {
  /** What sort of fault, stable: `duplicate-field`, `unknown-type` … */
  code: string
  /** Where: `fields[3].options`. */
  path: string
  /** One sentence for a person. */
  message: string
  /** An error keeps the DocType from being saved; with a warning it works, but not as its author may think. */
  severity: 'error' | 'warning'
}
