/** A method's result that callers over HTTP get as a file instead of JSON. */
export class FileAnswer {
  /** As the caller's computer shall call it. */
  readonly fileName: string
  /** Media type, with charset for text. */
  readonly type: string
  readonly content: string | Buffer

  constructor(fileName: string, type: string, content: string | Buffer) {
    this.fileName = fileName
    this.type = type
    this.content = content
  }
}
