/**
 * HTML that code of the platform made and vouches for, such as a bar code. Put into a template's data, it appears as it stands; any
 * other value is escaped. Never made from what people typed.
 */
export class TrustedHtml {
  readonly html: string

  constructor(html: string) {
    this.html = html
  }

  toString(): string {
    return this.html
  }

  toJSON(): string {
    return this.html
  }
}
