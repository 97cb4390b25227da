import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { today } from '../../../access.ts'
import { Fixed, ValueRefused } from '../../../errors.ts'

interface Result {
  lab_test_event: string
  result_value: string | null
  lab_test_uom: string | null
  normal_from: number | null
  normal_to: number | null
  flag: string | null
}

interface LabTestFields {
  lab_test_template: string
  lab_test_name: string
  status: string
  sampled_at: string | null
  result_date: string | null
  approved_by: string | null
  normal_test_items: Result[]
}

const next: Readonly<Record<string, readonly string[]>> = {
  Draft: ['Sampled', 'Completed', 'Cancelled'],
  Sampled: ['Completed', 'Rejected', 'Cancelled'],
  Completed: ['Approved', 'Rejected'],
  Rejected: ['Sampled', 'Cancelled'],
  Approved: [],
  Cancelled: [],
}
/** Whoever writes results does not approve them alone. */
const approvers = ['Healthcare Administrator', 'Healthcare Provider', 'Healthcare Practitioner']

/** A test, from the order over the sample to results that somebody approved; then it is fixed. */
export default class LabTest extends Document<LabTestFields> {
  async before_insert(ctx: Context): Promise<void> {
    if (!this.lab_test_template || (this.normal_test_items ?? []).length > 0) return
    const template = await load(
      ctx.asSystem('a test follows its template'),
      await ctx.site.meta.get('Lab Test Template'),
      this.lab_test_template,
    )
    this.lab_test_name = String(template.template_name)
    this.normal_test_items = ((template.lines ?? []) as Result[]).map(({ lab_test_event, lab_test_uom, normal_from, normal_to }) => {
      return { lab_test_event, lab_test_uom, normal_from, normal_to, result_value: null, flag: null }
    })
  }

  validate(ctx: Context, extra?: { before?: AnyDocument }): void {
    const before = extra?.before?.status as string | undefined
    if (before === 'Approved') throw new Fixed({ doctype: 'Lab Test', name: this.name, field: 'status', reason: 'it has been approved.' })
    if (before && before !== this.status && !next[before]?.includes(this.status))
      throw new ValueRefused({ field: 'status', reason: `${before} does not become ${this.status}.` })
    for (const row of this.normal_test_items ?? []) row.flag = flagOf(row)
    if (before === this.status) return
    if (this.status === 'Sampled') this.sampled_at ??= nowText(ctx)
    if (this.status === 'Completed') {
      this.result_date ??= today(ctx)
      const empty = (this.normal_test_items ?? []).findIndex(({ result_value }) => !result_value?.trim())
      if (empty >= 0) throw new ValueRefused({ field: `normal_test_items[${empty}].result_value`, reason: 'is missing.' })
    }
    if (this.status === 'Approved') {
      if (!ctx.user.unrestricted && !approvers.some((role) => ctx.user.roles.has(role)))
        throw new ValueRefused({ field: 'status', reason: 'results are approved by a practitioner.' })
      this.approved_by = ctx.user.name
    }
  }
}

/** Text results, and those without a range, have no flag. */
function flagOf({ result_value, normal_from, normal_to }: Result): string | null {
  const text = result_value?.trim() ?? ''
  const hasRange = Boolean(normal_from) || Boolean(normal_to)
  if (!hasRange || !/^[+-]?\d+(\.\d+)?$/.test(text)) return null
  const value = Number(text)
  if (normal_from && value < Number(normal_from)) return 'Low'
  return normal_to && value > Number(normal_to) ? 'High' : 'Normal'
}
