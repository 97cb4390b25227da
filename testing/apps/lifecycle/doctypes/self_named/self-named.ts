import { Document } from '#kernel/documents/document.ts'

/** A DocType whose controller gives the names, unless it has nothing to say. */
export default class SelfNamed extends Document<{ title: string | null }> {
  autoname(): void {
    if (this.title) this.name = `self ${this.title}`
  }
}
