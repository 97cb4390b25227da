import { Type } from 'typebox'
import { addDays, addMonths, firstDayOfMonth, firstDayOfQuarter, firstDayOfWeek, firstDayOfYear, weekday } from '#client/rules/dates.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument, load } from '#kernel/documents/load.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { checkedPerDocument, defineMethod, type Method } from '#kernel/methods/method.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { reportCsv, reportXlsx, wholeFile } from '#kernel/reports/export-report.ts'
import { today } from '#kernel/reports/filters.ts'
import { reportHtml } from '#kernel/reports/report-html.ts'
import type { ReportResult } from '#kernel/reports/report.ts'
import { runReport } from '#kernel/reports/run-report.ts'
import { permittedReport } from '#kernel/reports/stored-report.ts'

const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']

/** Whether a report by mail goes out on a day of the site's calendar. */
export function isDue(frequency: unknown, dayOfWeek: unknown, day: string): boolean {
  const number = weekday(day)
  switch (frequency) {
    case 'Daily':
      return true
    case 'Weekdays':
      return number <= 5
    case 'Weekly':
      return days[number - 1] === (dayOfWeek || 'Monday')
    case 'Monthly':
      return day.endsWith('-01')
    default:
      return false
  }
}

/** First and last day that a dynamic period gives, as of a day. */
export function dynamicDays(period: string, day: string, fromFirstDay: boolean): readonly [from: string, to: string] {
  switch (period) {
    case 'Weekly':
      return [fromFirstDay ? firstDayOfWeek(day) : addDays(day, -7), day]
    case 'Monthly':
      return [fromFirstDay ? firstDayOfMonth(day) : addMonths(day, -1), day]
    case 'Quarterly':
      return [fromFirstDay ? firstDayOfQuarter(day) : addMonths(day, -3), day]
    case 'Half Yearly':
      return [fromFirstDay ? (day.slice(5, 7) <= '06' ? firstDayOfYear(day) : `${day.slice(0, 4)}-07-01`) : addMonths(day, -6), day]
    case 'Yearly':
      return [fromFirstDay ? firstDayOfYear(day) : addMonths(day, -12), day]
    default:
      return [addDays(day, -1), day]
  }
}

/** What a report by mail holds, run as the context's user, who needs the right to send documents of its DocType by mail. */
async function resultFor(ctx: Context, mailed: AnyDocument): Promise<ReportResult> {
  const report = await permittedReport(ctx, String(mailed.report), 'email')
  const kept = typeof mailed.filters === 'string' && mailed.filters.trim() !== '' ? parseJson(mailed.filters, 'filters') : {}
  if (report.type === 'Report Builder') {
    const hours = Number(mailed.data_modified_till ?? 0)
    const own: unknown[] = Array.isArray(kept)
      ? kept
      : Object.entries(kept as object).map(([field, value]) => [report.refDoctype, field, '=', value])
    const saved = report.json.trim() === '' ? undefined : (parseJson(report.json, 'json') as { filters?: unknown }).filters
    const base = own.length > 0 ? own : Array.isArray(saved) ? saved : []
    const since = hours > 0 ? [[report.refDoctype, 'modified', '>=', new Date(ctx.clock.now() - hours * 3_600_000).toISOString()]] : []
    const result = await runReport(ctx, report.name, [...base, ...since], { action: 'email' })
    const most = Number(mailed.no_of_rows ?? 0)
    return most > 0 && result.rows.length > most ? { ...result, rows: result.rows.slice(0, most) } : result
  }
  const filters = { ...(kept as Record<string, unknown>) }
  const period = String(mailed.dynamic_date_period ?? '')
  if (period !== '') {
    const [from, to] = dynamicDays(period, today(ctx), mailed.use_first_day_of_period === 1)
    if (mailed.from_date_field) filters[String(mailed.from_date_field)] = from
    if (mailed.to_date_field) filters[String(mailed.to_date_field)] = to
  }
  return runReport(ctx, report.name, filters, { action: 'email' })
}

/** The file in which a report goes out. */
async function fileOf(
  ctx: Context,
  mailed: AnyDocument,
  result: ReportResult,
): Promise<{ filename: string; content: Buffer; type: string }> {
  const stem = `${String(mailed.report)} ${today(ctx)}`
  if (mailed.format === 'CSV')
    return { filename: `${stem}.csv`, content: await wholeFile(reportCsv(result)), type: 'text/csv; charset=utf-8' }
  const type = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
  return { filename: `${stem}.xlsx`, content: await wholeFile(reportXlsx(result, String(mailed.report))), type }
}

/** Puts the mail into the queue. @returns false when the report was empty and only one with data is wanted */
async function mailReport(ctx: Context, mailed: AnyDocument): Promise<boolean> {
  const result = await resultFor(ctx, mailed)
  if (result.rows.length === 0 && mailed.send_if_data === 1) return false
  const { sendMail } = await import('#kernel/mail/send-mail.ts')
  const to = String(mailed.email_to ?? '')
    .split(/[\s,;]+/)
    .filter((address) => address !== '')
  const isHtml = mailed.format === 'HTML'
  const note = typeof mailed.description === 'string' ? mailed.description : ''
  await sendMail(ctx, {
    to,
    subject: String(mailed.report),
    html: isHtml ? reportHtml(String(mailed.report), result, note) : reportHtml(String(mailed.report), { columns: [], rows: [] }, note),
    automatic: 'auto-generated',
    ...(isHtml ? {} : { attachments: [await fileOf(ctx, mailed, result)] }),
    ...(typeof mailed.sender === 'string' && mailed.sender !== '' && { from: mailed.sender }),
  })
  return true
}

/** Each morning: every report that is due gets a job of its own, which runs as the person who set it up. */
const mailDue: JobDefinition = {
  asSystem: 'looks for the reports that are to be mailed today',
  run: async (ctx) => {
    const day = today(ctx)
    const rows = await ctx.db.query<Row>(
      ctx.db.dialect.compile(
        sql`select name, ${ident('user')} as reader, frequency, day_of_week from ${ident('tabAuto Email Report')} where enabled = 1 order by name`,
      ),
    )
    let asked = 0
    for (const row of rows) {
      if (!isDue(row.frequency, row.day_of_week, day)) continue
      const reader = await principalOf(ctx, String(row.reader)).catch(() => undefined)
      if (!reader) continue
      await enqueue(ctx.as(reader), 'core.mail-report', { name: row.name, day }, { idempotencyKey: `mail-report:${row.name}:${day}` })
      asked++
    }
    return { asked }
  },
}

const mailOne: JobDefinition = {
  queue: 'long',
  run: async (ctx, input) => {
    const system = ctx.asSystem('reads how a report is to be mailed')
    const mailed = await load(system, await ctx.site.meta.get('Auto Email Report'), String(input.name))
    // Somebody may have changed hands or switched it off since.
    if (mailed.enabled !== 1 || mailed.user !== ctx.user.name) return { sent: false }
    const sent = await mailReport(ctx, mailed)
    if (sent) await writeThrough(system, 'Auto Email Report', mailed.name, { last_sent_on: String(input.day ?? today(ctx)) })
    return { sent }
  },
}

export const mailedJobs: Readonly<Record<string, JobDefinition>> = { 'mail-due-reports': mailDue, 'mail-report': mailOne }

const path = 'frappe.email.doctype.auto_email_report.auto_email_report'
const input = Type.Object({ name: Type.String({ minLength: 1, maxLength: 140 }) })
const rule = checkedPerDocument('the document must be the caller’s to write, and the report runs as the caller')

/** The document, whose write right its caller has: what it holds goes to others. */
async function ownMailed(ctx: Context, name: string): Promise<AnyDocument> {
  const mailed = await getDocument(ctx, 'Auto Email Report', name)
  await demand(ctx, 'write', 'Auto Email Report', mailed)
  return mailed
}

const sendNow = defineMethod({
  path: `${path}.send_now`,
  summary: 'Mails a report at once, as the caller may see it.',
  verbs: ['POST'],
  input,
  rule,
  handler: async (ctx, given) => mailReport(ctx, await ownMailed(ctx, given.name)),
})

const download = defineMethod({
  path: `${path}.download`,
  summary: 'What a report by mail would hold, as the caller may see it.',
  verbs: ['GET', 'POST'],
  input,
  rule,
  handler: async (ctx, given) => {
    const mailed = await ownMailed(ctx, given.name)
    const result = await resultFor(ctx, mailed)
    if (mailed.format === 'HTML') return reportHtml(String(mailed.report), result)
    const { filename, content, type } = await fileOf(ctx, mailed, result)
    return new FileAnswer(filename, type, content)
  },
})

/** What the form of an Auto Email Report calls. */
export const mailedMethods: readonly Method[] = [sendNow, download]
