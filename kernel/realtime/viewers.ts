import type { Presence } from './event.ts'
import type { Member } from './member.ts'

interface Open {
  readonly doctype: string
  readonly name: string
  readonly here: Set<Member>
  /** Users in other processes, by process. */
  readonly elsewhere: Map<string, readonly string[]>
}

/** Who has which document open. */
export class Viewers {
  readonly #open = new Map<string, Open>()

  /** Everybody, in order of name. */
  of(doctype: string, name: string): string[] {
    const open = this.#open.get(keyOf(doctype, name))
    return [...new Set([...this.here(doctype, name), ...[...(open?.elsewhere.values() ?? [])].flat()])].sort()
  }

  /** Those connected to this process. */
  here(doctype: string, name: string): string[] {
    const open = this.#open.get(keyOf(doctype, name))
    return [...new Set([...(open?.here ?? [])].map((member) => member.principal.name))].sort()
  }

  enter(member: Member, doctype: string, name: string): void {
    this.#entry(doctype, name).here.add(member)
  }

  /** @returns whether the member was there */
  leave(member: Member, doctype: string, name: string): boolean {
    const open = this.#open.get(keyOf(doctype, name))
    const wasThere = open?.here.delete(member) === true
    if (open) this.#forgetEmpty(open)
    return wasThere
  }

  /** @returns the documents that the member had open */
  leaveAll(member: Member): [doctype: string, name: string][] {
    const left = [...this.#open.values()].filter(({ here }) => here.has(member))
    for (const { doctype, name } of left) this.leave(member, doctype, name)
    return left.map(({ doctype, name }) => [doctype, name])
  }

  /** Notes what another process said. @returns whether anybody here has the document open, and so whether it is news */
  takeIn({ from, doctype, name, users }: Presence): boolean {
    const open = this.#entry(doctype, name)
    if (users.length > 0) open.elsewhere.set(from, users)
    else open.elsewhere.delete(from)
    this.#forgetEmpty(open)
    return open.here.size > 0
  }

  /** Forgets what processes said that are gone. @returns the documents that concerns */
  keepOnly(processes: readonly string[]): [doctype: string, name: string][] {
    const changed: [string, string][] = []
    for (const open of [...this.#open.values()])
      for (const from of [...open.elsewhere.keys()])
        if (!processes.includes(from)) {
          open.elsewhere.delete(from)
          changed.push([open.doctype, open.name])
          this.#forgetEmpty(open)
        }
    return changed
  }

  #entry(doctype: string, name: string): Open {
    const key = keyOf(doctype, name)
    const known = this.#open.get(key)
    if (known) return known
    const open: Open = { doctype, name, here: new Set(), elsewhere: new Map() }
    this.#open.set(key, open)
    return open
  }

  #forgetEmpty({ doctype, name, here, elsewhere }: Open): void {
    if (here.size === 0 && elsewhere.size === 0) this.#open.delete(keyOf(doctype, name))
  }
}

function keyOf(doctype: string, name: string): string {
  return `${doctype}/${name}`
}
