import { Document } from '#kernel/documents/document.ts'
import { recordHooks } from '../../recorder.ts'

/** A document that tells of every hook. */
export default class Rite extends Document<{ title: string | null }> {
  /** Virtual field `shout`. */
  get shout(): string {
    return `${this.title ?? ''}!`
  }

  /** Virtual field `echo`, computed when asked. */
  async echo(): Promise<string> {
    return `${this.title ?? ''} ${this.title ?? ''}`
  }
}
recordHooks(Rite.prototype, 'controller')
