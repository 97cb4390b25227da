import { isListed, isMasked, levels, mayAsk, mayDo } from './model.ts'
import type { DocumentFact, World, WorldDocType, WorldUser } from './world.ts'

/** The world's documents of one DocType. */
export function factsOf(world: World, doctype: WorldDocType): DocumentFact[] {
  return world.documents.filter((fact) => fact.doctype === doctype)
}

/** Names that a list shows, sorted; undefined where the user may not ask. Who may only choose is shown what can be chosen. */
export function listedNames(world: World, user: WorldUser, doctype: WorldDocType): string[] | undefined {
  const right = mayAsk(world, user, 'read', doctype) ? 'read' : 'select'
  return mayAsk(world, user, right, doctype) ? namesFor(world, user, right, doctype) : undefined
}

/** Names that a choice for a link shows, sorted. */
export function chosenNames(world: World, user: WorldUser, doctype: WorldDocType): string[] | undefined {
  return mayAsk(world, user, 'select', doctype) ? namesFor(world, user, 'select', doctype) : undefined
}

/** Names that an export holds: what may be read, and exported too. */
export function exportedNames(world: World, user: WorldUser, doctype: WorldDocType): string[] | undefined {
  return mayAsk(world, user, 'export', doctype) ? namesFor(world, user, 'export', doctype) : undefined
}

function namesFor(world: World, user: WorldUser, right: 'read' | 'select' | 'export', doctype: WorldDocType): string[] {
  return factsOf(world, doctype)
    .filter((fact) => isListed(world, user, right, fact))
    .map((fact) => fact.name)
    .sort()
}

/** Whether fields of level 1 are open. */
export function seesSecrets(world: World, user: WorldUser, doctype: WorldDocType): boolean {
  return levels(world, user, doctype, 'read').has(1)
}

/** Fields of a readable document as its reader sees them; those of the platform itself left aside. */
export function shownFields(world: World, user: WorldUser, fact: DocumentFact): Record<string, unknown> {
  const { doctype, name } = fact
  const note = fact.note || null
  const secret = seesSecrets(world, user, doctype) ? { secret: `secret of ${name}` } : {}
  const open = levels(world, user, doctype, 'read').has(0)
  if (!open) return { name }
  switch (doctype) {
    case 'Organization':
      return { name }
    case 'Region':
      return { name, note }
    case 'Memo':
      return { name, note, region: fact.region || null, about: fact.about || null, ...secret }
    case 'Case':
      return {
        name,
        note,
        organization: fact.organization || null,
        region: fact.region || null,
        phone: isMasked(world, user, doctype, 0) ? 'XXXX' : '0301234',
        ...secret,
      }
  }
}

/** Fields that anybody's answer about a document of this DocType may be compared in. */
export const ownFields: Readonly<Record<WorldDocType, readonly string[]>> = {
  Organization: ['name'],
  Region: ['name', 'note'],
  Case: ['name', 'note', 'organization', 'region', 'phone', 'secret'],
  Memo: ['name', 'note', 'region', 'about', 'secret'],
}

/** What a link's target shows of its note in a column of a list: undefined where no such column may be named. */
export function noteBehindLink(world: World, user: WorldUser, doctype: WorldDocType, name: string): string | null | undefined {
  if (!mayAsk(world, user, 'read', doctype)) return undefined
  const target = factsOf(world, doctype).find((fact) => fact.name === name)
  return target && isListed(world, user, 'read', target) ? target.note || null : null
}

/** Whether a text speaks of a document that the user may neither read nor choose. */
export function leak(world: World, user: WorldUser, text: string): string | undefined {
  for (const fact of world.documents) {
    const isOpen = mayDo(world, user, 'read', fact) || isListed(world, user, 'read', fact)
    const secrets = [`old note of ${fact.name}`, `talk about ${fact.name}`]
    if (!isOpen && secrets.some((one) => text.includes(one))) return secrets.find((one) => text.includes(one))
    if (fact.doctype !== 'Case' && fact.doctype !== 'Memo') continue
    const closed = [`secret of ${fact.name}`, `old row secret of ${fact.name}`]
    if (!isOpen || !seesSecrets(world, user, fact.doctype)) {
      const found = closed.find((one) => text.includes(one))
      if (found) return found
    }
    const phones = [`old phone of ${fact.name}`]
    if (fact.doctype === 'Case' && (!isOpen || isMasked(world, user, 'Case', 0))) {
      const found = phones.find((one) => text.includes(one))
      if (found) return found
    }
  }
  return undefined
}
