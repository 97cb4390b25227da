import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { exists } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { findRows } from '#kernel/query/find-rows.ts'

const everyDay = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'].map((day) => ({ day }))

/** Rules with which the app begins: whoever is named as in charge finds the lead or the deal among what they have to do. */
const firstRules: readonly Record<string, unknown>[] = [
  {
    name: 'Leads to who is in charge',
    document_type: 'Lead',
    description: 'New lead: {{ doc.lead_name }}',
    assign_condition: "status in ['New', 'Contacted', 'Nurture', 'Qualified'] and lead_owner",
    close_condition: "status in ['Unqualified', 'Junk']",
    field: 'lead_owner',
  },
  {
    name: 'Deals to who is in charge',
    document_type: 'Deal',
    description: 'Deal: {{ doc.title }}',
    assign_condition: "status in ['Open', 'Ongoing'] and deal_owner",
    close_condition: "status in ['Won', 'Lost']",
    field: 'deal_owner',
  },
]

/** Made once: from then on they are the organization's to change, to replace by turns or load, or to disable. */
export async function makeFirstRules(ctx: Context): Promise<void> {
  const meta = await ctx.site.meta.get('Assignment Rule')
  for (const rule of firstRules) {
    if (await exists(ctx, 'Assignment Rule', String(rule.name))) continue
    const others = await findRows(ctx, meta, where('document_type', '=', String(rule.document_type)), { fields: ['name'], limit: 1 })
    if (others.length === 0) await insert(ctx, 'Assignment Rule', { ...rule, rule: 'Based on Field', assignment_days: everyDay })
  }
}
