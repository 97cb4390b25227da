import { addDays } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { load } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { ProgramFull, ValueRefused } from '../errors.ts'
import type Client from './doctypes/client/client.ts'
import type { ClientFields } from './doctypes/client/client.ts'
import { today } from './life-cycle.ts'

export interface MedicalRow {
  name?: string
  template_id: string
  status: string
  activated_at?: string | null
  task_generation_metadata?: unknown
}

export interface ProgramRow {
  name?: string
  program_id: string
  status: string
  start_date?: string | null
  end_date?: string | null
  task_generation_metadata?: unknown
}

/** Whether there may be tasks to make: during a stay only. */
export function isDue({ status, medical_assignments: medical, program_assignments: programs }: ClientFields): boolean {
  return status === 'Active' && [...(medical ?? []), ...(programs ?? [])].some((row) => row.status === 'Active')
}

/** Says on each row since when it counts, and for which stay its tasks were made. @throws ValueRefused */
export function stampRows(client: Client, now: string): void {
  const generated = JSON.stringify({ episode: client.episode, generated_at: now })
  const isFresh = (row: { task_generation_metadata?: unknown }) => episodeOf(row.task_generation_metadata) !== client.episode
  for (const row of client.medical_assignments ?? []) {
    if (row.status === 'Active') row.activated_at ??= now
    if (row.status === 'Active' && client.status === 'Active' && isFresh(row)) row.task_generation_metadata = generated
  }
  for (const [index, row] of (client.program_assignments ?? []).entries()) {
    if (row.start_date && row.end_date && row.end_date < row.start_date)
      throw new ValueRefused({ field: `program_assignments[${index}].end_date`, reason: 'lies before its begin.' })
    if (row.status === 'Active' && client.status === 'Active' && isFresh(row)) row.task_generation_metadata = generated
  }
}

function episodeOf(metadata: unknown): unknown {
  const value = typeof metadata === 'string' && metadata !== '' ? (JSON.parse(metadata) as unknown) : metadata
  return typeof value === 'object' && value !== null ? (value as { episode?: unknown }).episode : undefined
}

/** @throws ProgramFull */
export async function demandPlaces(ctx: Context, client: Client, before: ClientFields | undefined): Promise<void> {
  const held = new Set((before?.program_assignments ?? []).filter(({ status }) => status === 'Active').map((row) => row.program_id))
  for (const [index, { program_id, status }] of (client.program_assignments ?? []).entries()) {
    if (status !== 'Active' || !program_id || held.has(program_id)) continue
    await holdLock(ctx, `care:program:${program_id}`)
    const [program] = await findRows(ctx, await ctx.site.meta.get('Care Program'), where('name', '=', program_id), { limit: 1 })
    const capacity = Number(program?.capacity ?? 0)
    if (!capacity) continue
    const taken = and(where('program_id', '=', program_id), where('status', '=', 'Active'), where('parent', '!=', client.name ?? ''))
    const rows = await findRows(ctx, await ctx.site.meta.meta('Program Assignment'), taken, { fields: ['parent'] })
    if (new Set(rows.map(({ parent }) => parent)).size >= capacity)
      throw new ProgramFull({ field: `program_assignments[${index}].program_id`, program: String(program?.program_name), capacity })
  }
}

/**
 * Makes the tasks of what is assigned, each once for a client, a stay and a line of a template: saving again, taking a row off and putting
 * it back, or two people at once make none twice.
 * @returns how many were made
 */
export async function generateTasks(ctx: Context, client: Client): Promise<number> {
  const system = ctx.asSystem('assignments make their tasks')
  await holdLock(system, `care:client:${client.name}`)
  const from = new Map<string, string>()
  for (const { template_id, status } of client.medical_assignments ?? []) if (status === 'Active') from.set(template_id, today(ctx))
  for (const { program_id, status, start_date } of client.program_assignments ?? []) {
    if (status !== 'Active') continue
    const { task_template: template } = await load(system, await ctx.site.meta.get('Care Program'), program_id)
    if (typeof template === 'string' && template !== '') from.set(template, start_date ?? today(ctx))
  }
  let made = 0
  for (const [template, start] of from) made += await fromTemplate(system, client, template, start)
  return made
}

async function fromTemplate(ctx: Context, client: Client, name: string, start: string): Promise<number> {
  const template = await load(ctx, await ctx.site.meta.get('Care Template'), name)
  if (template.purpose !== 'Tasks') return 0
  const lines = (template.lines ?? []) as { name: string; subject: string; due_in_days: number; description: string | null }[]
  const keyOf = (line: { name: string }) => `${client.name}/${client.episode}/${name}/${line.name}`
  const known = await findRows(ctx, await ctx.site.meta.get('Care Task'), where('generation_key', 'in', lines.map(keyOf)), { fields: ['generation_key'] }) // biome-ignore format: one line
  const done = new Set(known.map(({ generation_key }) => generation_key))
  const fresh = lines.filter((line) => !done.has(keyOf(line)))
  for (const line of fresh)
    await insert(ctx, 'Care Task', {
      client: client.name,
      organization: client.organization,
      department: template.department ?? client.department,
      subject: line.subject,
      description: line.description,
      due_date: addDays(start, line.due_in_days),
      template: name,
      generation_key: keyOf(line),
    })
  return fresh.length
}
