/** A file to be written: text with a line break at the end. */
export interface GeneratedFile {
  /** Relative to the folder of the app. */
  readonly path: string
  readonly text: string
}
