import { instantOfText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { ConflictRule, Values } from './adapter.ts'
import type { Base } from './external-id.ts'

/** Fields of a row that tell where it stands, and not what it says. */
const bookkeeping = new Set([
  'doctype',
  'name',
  'owner',
  'creation',
  'modified',
  'modified_by',
  'docstatus',
  'idx',
  'parent',
  'parentfield',
  'parenttype',
])

/** These fields of a document as plain JSON; rows of tables without what tells only where they stand. */
export function snapshot(document: AnyDocument, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, plain(document[field])]))
}

function plain(value: unknown): unknown {
  if (!Array.isArray(value)) return value ?? null
  return value.map((row: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(row).filter(([key, one]) => !bookkeeping.has(key) && one !== null && one !== undefined)),
  )
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
}

/** What is to be done with a record that meets a document. */
export interface Merge {
  /** Fields to take from the other side. */
  readonly take: readonly string[]
  /** Fields that both sides changed, and that a person must decide. */
  readonly undecided: readonly string[]
}

/**
 * Compares both sides with how they looked when they agreed last. Without that (a document that was here before), every field that says
 * something here counts as changed here.
 * @param theirs when the other side changed it last; an ISO time for `newest`
 */
export function merge(
  meta: Meta,
  document: AnyDocument,
  values: Values,
  base: Base | undefined,
  rule: ConflictRule,
  theirs: string,
): Merge {
  const take: string[] = []
  const undecided: string[] = []
  const now = snapshot(document, Object.keys(values))
  for (const [field, value] of Object.entries(values)) {
    const isNewThere = !base || !same(value, base.theirs[field])
    if (!isNewThere || isAlike(meta, field, now[field], value)) continue
    const isNewHere = base ? !same(now[field], base.ours[field]) : !isBlank(now[field])
    const winner = isNewHere ? winnerOf(rule, document, theirs) : 'theirs'
    if (winner === 'theirs') take.push(field)
    else if (winner === 'manual') undecided.push(field)
  }
  return { take, undecided }
}

function winnerOf(rule: ConflictRule, document: AnyDocument, theirs: string): 'theirs' | 'ours' | 'manual' {
  if (rule !== 'newest') return rule
  const there = Date.parse(theirs)
  // A time that cannot be read is no proof of being newer.
  return there > instantOfText(document.modified) ? 'theirs' : 'ours'
}

function isBlank(value: unknown): boolean {
  return value === null || value === undefined || value === '' || value === 0 || (Array.isArray(value) && value.length === 0)
}

/** Whether a value that was sent is what the document holds already, in another spelling perhaps. */
function isAlike(meta: Meta, name: string, now: unknown, sent: unknown): boolean {
  if (same(now, sent)) return true
  const field = meta.column.get(name)
  if (!field) return same(now, plain(sent))
  try {
    return same(now, field.type.cast(sent, field, documentForm, name))
  } catch {
    // What cannot be read is refused by the save, which says why.
    return false
  }
}
