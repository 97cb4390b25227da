import type { Readable } from 'node:stream'

/** A method's result that callers over HTTP get as a file instead of JSON. */
export class FileAnswer {
  /** As the caller's computer shall call it. */
  readonly fileName: string
  /** Media type, with charset for text. */
  readonly type: string
  readonly content: string | Buffer | Readable
  /** Browsers show it instead of keeping it. For types in which nothing runs as a page of the site. */
  readonly isShown: boolean

  constructor(fileName: string, type: string, content: string | Buffer | Readable, isShown = false) {
    this.fileName = fileName
    this.type = type
    this.content = content
    this.isShown = isShown
  }
}
