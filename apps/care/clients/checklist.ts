import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { ChecklistOpen } from '../errors.ts'

export interface ChecklistRow {
  name?: string
  phase: 'Admission' | 'Discharge'
  item: string
  required: number
  done: number
  done_by?: string | null
  done_at?: string | null
}

/** What an organization asks for before somebody comes and before they go, in the order of its templates. */
export async function checklistFor(ctx: Context, organization: string): Promise<ChecklistRow[]> {
  const system = ctx.asSystem('a client gets the checklists of the organization')
  const purposes = ['Admission checklist', 'Discharge checklist']
  const chosen = and(where('organization', '=', organization), where('purpose', 'in', purposes), where('disabled', '=', 0))
  const templates = await findRows(system, await ctx.site.meta.get('Care Template'), chosen, { fields: ['name', 'purpose'] })
  const made: ChecklistRow[] = []
  for (const { name, purpose } of templates) {
    const of = and(where('parent', '=', name), where('parenttype', '=', 'Care Template'))
    const lines = await findRows(system, await ctx.site.meta.meta('Care Template Line'), of, { orderBy: [['idx', 'asc']] })
    const phase = purpose === 'Admission checklist' ? 'Admission' : 'Discharge'
    for (const { subject, required } of lines) made.push({ phase, item: String(subject), required: Number(required), done: 0 })
  }
  return made
}

/** Who has ticked what off, and when: whatever the caller says about that. */
export function stampChecklist(ctx: Context, rows: readonly ChecklistRow[], before: readonly ChecklistRow[]): void {
  const known = new Map(before.map((row) => [row.name, row]))
  for (const row of rows) {
    const earlier = known.get(row.name)
    const stays = Boolean(earlier?.done) && Boolean(row.done)
    row.done_by = stays ? (earlier?.done_by ?? null) : row.done ? ctx.user.name : null
    row.done_at = stays ? (earlier?.done_at ?? null) : row.done ? nowText(ctx) : null
  }
}

/** @throws ChecklistOpen with the first required item that is not done */
export function demandChecklist(rows: readonly ChecklistRow[], phase: ChecklistRow['phase']): void {
  const open = rows.findIndex((row) => row.phase === phase && row.required && !row.done)
  if (open >= 0) throw new ChecklistOpen({ field: `checklist[${open}].done`, phase, item: rows[open]?.item ?? '' })
}
