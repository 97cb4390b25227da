import { AppError } from '#client/rules/errors.ts'
import { and, where } from '#client/rules/predicate.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import { nextDay, type Recurrence } from '#kernel/automation/recurrence.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find, getDocument, load } from '#kernel/documents/load.ts'
import { copyAsNew } from '#kernel/documents/new-document.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { renderTemplate } from '#kernel/templates/render.ts'
import { templateData } from '#kernel/templates/template-data.ts'

const dayNames = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
/** Failures in a row after which an Auto Repeat is disabled. */
const mostFailures = 3
const longestError = 500

/** Today, by the clocks of the site. */
export function siteDay(ctx: Context): string {
  return utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)
}

/** The rhythm that an Auto Repeat describes. */
export function recurrenceOf(repeat: AnyDocument): Recurrence {
  return {
    start: String(repeat.start_date),
    end: repeat.end_date ? String(repeat.end_date) : undefined,
    frequency: repeat.frequency as Recurrence['frequency'],
    weekdays: ((repeat.repeat_on_days ?? []) as { day: string }[]).map((row) => dayNames.indexOf(row.day) + 1),
    dayOfMonth: Number(repeat.repeat_on_day ?? 0),
    onLastDay: repeat.repeat_on_last_day === 1,
  }
}

/** Every day: asks for the documents that are due, each on behalf of whoever set its repetition up. */
export const dueRepeats: JobDefinition = {
  queue: 'long',
  asSystem: 'looks what is to be repeated today',
  run: async (ctx) => {
    const meta = await ctx.site.meta.get('Auto Repeat')
    const due = and(where('disabled', '=', 0), where('next_schedule_date', 'set'), where('next_schedule_date', '<=', siteDay(ctx)))
    const repeats = await findRows(ctx, meta, due, { fields: ['name', 'owner', 'next_schedule_date', 'failures'] })
    for (const repeat of repeats) await queueRepeat(ctx, repeat)
    return { due: repeats.length }
  },
}

interface DueRepeat {
  name: string
  owner?: unknown
  next_schedule_date?: unknown
  failures?: unknown
}

async function queueRepeat(ctx: Context, { name, owner, next_schedule_date: date, failures }: DueRepeat): Promise<void> {
  try {
    const theirs = ctx.as(await principalOf(ctx, String(owner)))
    await enqueue(theirs, 'core.repeat', { repeat: name, date: String(date) }, { idempotencyKey: `${name} ${date} ${failures ?? 0}` })
  } catch (error) {
    // Whoever set it up is gone or disabled.
    if (!(error instanceof AppError)) throw error
    await noteFailure(ctx, await load(ctx, await ctx.site.meta.get('Auto Repeat'), name, true), error)
  }
}

/**
 * Makes the document of one date. The repetition's row is locked and its next date moved on in the same transaction: a date has one
 * document at most. Dates that were missed follow, the oldest first.
 */
export const repeatJob: JobDefinition = {
  queue: 'default',
  run: async (ctx, given) => {
    const { repeat: name, date } = given as { repeat: string; date: string }
    const elevated = ctx.asSystem('keeps an Auto Repeat going')
    await ctx.db.begin()
    const repeat = await find(elevated, await ctx.site.meta.get('Auto Repeat'), name, true)
    if (!repeat || repeat.disabled === 1 || repeat.next_schedule_date !== date) return { made: null }
    try {
      const made = await ctx.db.savepoint(() => makeDocument(ctx, repeat, date))
      const next = nextDay(recurrenceOf(repeat), date)
      await save(elevated, repeat, {
        next_schedule_date: next ?? null,
        failures: 0,
        last_error: null,
        ...(next === undefined && { status: 'Completed' }),
      })
      if (next !== undefined && next <= siteDay(ctx))
        await queueRepeat(ctx, { name, owner: repeat.owner, next_schedule_date: next, failures: 0 })
      return { made }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      await noteFailure(elevated, repeat, error)
      return { made: null, error: error.message }
    }
  },
}

async function noteFailure(ctx: Context, repeat: AnyDocument, error: AppError): Promise<void> {
  const failures = Number(repeat.failures ?? 0) + 1
  const isOver = failures >= mostFailures
  const values = { failures, last_error: error.message.slice(0, longestError), ...(isOver && { disabled: 1 }) }
  await save(ctx, await load(ctx, await ctx.site.meta.get('Auto Repeat'), repeat.name, true), values)
}

async function makeDocument(ctx: Context, repeat: AnyDocument, date: string): Promise<string> {
  const original = await getDocument(ctx, String(repeat.reference_doctype), String(repeat.reference_document))
  const meta = await ctx.site.meta.get(original.doctype)
  const copy = (await copyAsNew(ctx, original)) as Record<string, unknown>
  const values: Record<string, unknown> = {}
  for (const field of meta.fields) {
    if (field.type.kind === 'none' || field.is_virtual) continue
    // What says today in a new document says the day it is for.
    const isToday = field.fieldtype === 'Date' && String(field.default ?? '').toLowerCase() === 'today'
    values[field.fieldname] = isToday ? date : (copy[field.fieldname] ?? null)
  }
  if (meta.field.has('auto_repeat')) values.auto_repeat = repeat.name
  const made = await insert(ctx, meta.name, { ...values, docstatus: repeat.submit_on_creation === 1 ? 1 : 0 })
  if (repeat.notify_by_email === 1) await tell(ctx, repeat, made)
  return String(made.name)
}

async function tell(ctx: Context, repeat: AnyDocument, made: AnyDocument): Promise<void> {
  const to = String(repeat.recipients ?? '')
    .split(/[,;\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
  if (to.length === 0) return
  await demand(ctx, 'email', made.doctype, made)
  const data = { doc: await templateData(ctx, made) }
  const subject = await renderTemplate(ctx, String(repeat.subject || '{{ doc.doctype }} {{ doc.name }}'), data, { escape: 'none' })
  const html = await renderTemplate(ctx, String(repeat.message || '<p>{{ doc.doctype }} {{ doc.name }}</p>'), data)
  for (const address of to) await sendMail(ctx, { to: [address], subject, html, automatic: 'auto-generated' })
}
