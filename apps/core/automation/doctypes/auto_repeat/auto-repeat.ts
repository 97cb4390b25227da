import { RuleInvalid } from '#kernel/automation/errors.ts'
import { nextDay } from '#kernel/automation/recurrence.ts'
import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { checkTemplate } from '#kernel/templates/render.ts'
import { recurrenceOf, siteDay } from '../../repeats.ts'

interface AutoRepeatFields {
  disabled: 0 | 1
  status: string | null
  reference_doctype: string
  reference_document: string
  submit_on_creation: 0 | 1
  notify_by_email: 0 | 1
  start_date: string
  end_date: string | null
  frequency: string
  repeat_on_day: number | null
  next_schedule_date: string | null
  failures: number
  last_error: string | null
  subject: string | null
  message: string | null
}

/** What decides when it comes next; a change of any of these counts anew. */
const rhythm = ['start_date', 'end_date', 'frequency', 'repeat_on_day', 'repeat_on_last_day', 'disabled'] as const

/** A document that is made again at set dates, with the rights of whoever set it up. */
export default class AutoRepeat extends Document<AutoRepeatFields> {
  async validate(ctx: Context, { before }: { before?: AnyDocument } = {}): Promise<void> {
    const refuse = (field: string, reason: string): never => {
      throw new RuleInvalid({ doctype: 'Auto Repeat', name: this.name, field, reason })
    }
    const meta = await ctx.site.meta.get(this.reference_doctype)
    if (!meta.definition.allow_auto_repeat) refuse('reference_doctype', `documents of ${meta.name} are not repeatable.`)
    const isKept = before?.reference_doctype === this.reference_doctype && before.reference_document === this.reference_document
    // The platform notes a failure also where the document can no longer be read.
    if (!(isKept && ctx.user.unrestricted)) {
      const original = await getDocument(ctx, meta.name, this.reference_document)
      if (this.notify_by_email === 1) await demand(ctx, 'email', meta.name, original)
    }
    await demand(ctx, 'create', meta.name)
    if (this.submit_on_creation === 1) {
      if (!meta.isSubmittable) refuse('submit_on_creation', `documents of ${meta.name} are not submitted.`)
      await demand(ctx, 'submit', meta.name)
    }
    if (this.end_date && this.end_date < this.start_date) refuse('end_date', 'it would end before it begins.')
    if ((this.repeat_on_day ?? 0) > 31) refuse('repeat_on_day', 'no month has that many days.')
    for (const field of ['subject', 'message'] as const) {
      const problem = checkTemplate(this[field] ?? '')
      if (problem) refuse(field, problem.message)
    }
    if (!ctx.user.unrestricted) keepBookkeeping(this, before)
    schedule(ctx, this as unknown as AnyDocument & AutoRepeatFields, before)
  }
}

/** What the platform notes is not for callers to say. */
function keepBookkeeping(repeat: AutoRepeat, before: AnyDocument | undefined): void {
  repeat.next_schedule_date = (before?.next_schedule_date as string | null | undefined) ?? null
  repeat.failures = Number(before?.failures ?? 0)
  repeat.last_error = (before?.last_error as string | null | undefined) ?? null
}

/** The first date is the start if that is to come, else the next one after today: nothing is made for days that have passed. */
function schedule(ctx: Context, repeat: AnyDocument & AutoRepeatFields, before: AnyDocument | undefined): void {
  if (repeat.disabled === 1) {
    repeat.status = 'Disabled'
    return
  }
  const days = (document: AnyDocument | undefined) => ((document?.repeat_on_days ?? []) as { day: string }[]).map((row) => row.day).join()
  const isNew =
    !before || rhythm.some((field) => String(before[field] ?? '') !== String(repeat[field] ?? '')) || days(before) !== days(repeat)
  if (isNew) {
    repeat.next_schedule_date = nextDay(recurrenceOf(repeat), siteDay(ctx)) ?? null
    repeat.failures = 0
    repeat.last_error = null
  }
  repeat.status = repeat.next_schedule_date ? 'Active' : 'Completed'
}
