import { and, or, where } from '#client/rules/predicate.ts'
import { type Drug, drugAlerts, type KnownAllergy, needsReason, type Severity } from '#client/rules/health-alerts.ts'
import type { Context } from '#kernel/context/context.ts'
import { load } from '#kernel/documents/load.ts'
import { today } from '../access.ts'
import { DrugNeedsReason } from '../errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'

/** A line of an order, with room for what speaks against it. */
export interface DrugLine {
  medication: string
  alert: string | null
  override_reason: string | null
}

/**
 * Holds drugs that are to be given to a patient against their allergies, what they take and one another, and writes on each line what
 * speaks against it.
 * @param table the field that holds the lines
 * @throws DrugNeedsReason with the line, where it is grave and nobody said why nevertheless
 */
export async function checkDrugs(ctx: Context, patient: string, lines: readonly DrugLine[], table: string): Promise<void> {
  if (lines.length === 0 || !patient) return
  const day = today(ctx)
  // Rights on the order decide who orders; what speaks against it must be found whoever that is.
  const system = ctx.asSystem('allergies and interactions')
  const record = await load(system, await ctx.site.meta.get('Patient'), patient)
  const known = (record.allergies as { substance: string; severity: Severity; reaction: string | null; inactive: number }[]) ?? []
  const takes = ((record.medication as { medication: string; since: string | null; until: string | null }[]) ?? []).filter(
    ({ since, until }) => (!since || since <= day) && (!until || until >= day),
  )
  const drugs = await drugsOf(system, [...lines.map(({ medication }) => medication), ...takes.map(({ medication }) => medication)])
  const drug = (name: string): Drug => drugs.get(name) ?? { medication: name, substances: [] }
  const allergies: KnownAllergy[] = known.filter(({ inactive }) => !inactive)
  const alerts = drugAlerts(
    lines.map(({ medication }) => drug(medication)),
    takes.filter(({ medication }) => !lines.some((line) => line.medication === medication)).map(({ medication }) => drug(medication)),
    allergies,
  )
  for (const [index, line] of lines.entries()) {
    const own = alerts.filter((alert) => alert.index === index)
    line.alert = own.length > 0 ? own.map(({ severity, text }) => `${severity}: ${text}`).join('\n') : null
    const grave = own.find(needsReason)
    if (grave && !line.override_reason?.trim())
      throw new DrugNeedsReason({ field: `${table}[${index}].override_reason`, alert: grave.text })
  }
}

async function drugsOf(ctx: Context, names: readonly string[]): Promise<Map<string, Drug>> {
  const chosen = where('name', 'in', [...new Set(names)])
  const rows = await findRows(ctx, await ctx.site.meta.get('Medication'), chosen, { fields: ['name', 'medication_name'] })
  const within = and(where('parenttype', '=', 'Medication'), or(where('parent', 'in', rows.map(({ name }) => name)))) // biome-ignore format: one line
  const ingredients = await findRows(ctx, await ctx.site.meta.meta('Medication Ingredient'), within)
  const interactions = await findRows(ctx, await ctx.site.meta.meta('Medication Interaction'), within)
  return new Map(
    rows.map(({ name, medication_name }) => [
      name,
      {
        medication: String(medication_name),
        substances: ingredients.filter(({ parent }) => parent === name).map(({ substance }) => String(substance)),
        interactions: interactions
          .filter(({ parent }) => parent === name)
          .map((row) => ({ with: String(row.interacts_with), severity: row.severity as Severity, effect: row.effect as string | null })),
      },
    ]),
  )
}
