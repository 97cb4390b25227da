const limit = 1000

/**
 * Names for prepared statements, one per text. Only what is asked a second time is worth preparing, and only so many: every
 * connection keeps all it has ever prepared.
 */
export class StatementNames {
  private readonly names = new Map<string, string | undefined>()
  private readonly once = new Set<string>()
  private serial = 0

  /** The name to prepare `text` under, or undefined to run it unprepared. */
  of(text: string): string | undefined {
    const name = this.names.get(text)
    if (name || this.names.size >= limit) return name
    if (!this.once.delete(text)) {
      if (this.once.size >= limit) this.once.clear()
      this.once.add(text)
      return undefined
    }
    const given = `s${++this.serial}`
    this.names.set(text, given)
    return given
  }

  /** Forgets all names, for tables have changed; the numbers go on, so that no connection mistakes an old statement for a new one. */
  clear(): void {
    this.names.clear()
    this.once.clear()
  }
}
