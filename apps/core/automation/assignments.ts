import { AppError } from '#client/rules/errors.ts'
import { addDays, weekday } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import { utcToZone, zoneToUtc } from '#client/rules/time-zone.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import { allRules, type RuleKind, rulesFor } from '#kernel/automation/active-rules.ts'
import { conditionHolds } from '#kernel/automation/condition.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { UserUnavailable } from '#kernel/identity/errors.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { can } from '#kernel/permissions/grants.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { renderTemplate } from '#kernel/templates/render.ts'
import { templateData } from '#kernel/templates/template-data.ts'

const kind: RuleKind = { doctype: 'Assignment Rule', target: 'document_type', active: where('disabled', '=', 0) }
const dayNames = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
/** How far back the daily look for what nobody has goes, and how many documents of one rule it takes. */
const daysLookedBack = 30
const mostDocuments = 500

/** After a save: assigns the document, takes it back or closes what is done, as the rules for its DocType say. */
export const assignByRules: DocumentListener = (ctx, document) => {
  const rules = rulesFor(ctx, kind, document.doctype)
  if (rules instanceof Promise) return rules.then((known) => (known.length > 0 ? apply(ctx, known, document) : undefined))
  if (rules.length > 0) return apply(ctx, rules, document)
}

async function apply(ctx: Context, rules: readonly AnyDocument[], document: AnyDocument): Promise<void> {
  const elevated = ctx.asSystem('an Assignment Rule')
  const open = await openAssignments(ctx, document)
  let remaining = open.length
  for (const todo of open) {
    // What people assigned themselves is theirs to end.
    const rule = rules.find((one) => one.name === todo.assignment_rule)
    const isTakenBack = rule && applies(ctx, rule, 'unassign_condition', document)
    const isDone = rule && applies(ctx, rule, 'close_condition', document)
    if (!isTakenBack && !isDone) continue
    await save(elevated, await load(elevated, await ctx.site.meta.get('ToDo'), todo.name, true), {
      status: isTakenBack ? 'Cancelled' : 'Closed',
    })
    remaining--
  }
  if (remaining > 0 || document.docstatus === 2) return
  const byPriority = [...rules].sort((a, b) => Number(b.priority ?? 0) - Number(a.priority ?? 0))
  for (const rule of byPriority)
    if (isToday(ctx, rule) && fits(ctx, rule, document)) {
      await assign(elevated, rule, document)
      return
    }
}

async function openAssignments(ctx: Context, document: AnyDocument): Promise<{ name: string; assignment_rule: string | null }[]> {
  return ctx.db.query(
    ctx.db.dialect.compile(sql`select name, assignment_rule from ${ident('tabToDo')} where reference_type = ${document.doctype}
      and reference_name = ${String(document.name)} and status = ${'Open'}`),
  )
}

function isToday(ctx: Context, rule: AnyDocument): boolean {
  const today = dayNames[weekday(utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)) - 1]
  return (rule.assignment_days as { day: string }[]).some((row) => row.day === today)
}

/** A document that a rule would take back or close at once is not assigned. */
function fits(ctx: Context, rule: AnyDocument, document: AnyDocument): boolean {
  return (
    applies(ctx, rule, 'assign_condition', document) &&
    !applies(ctx, rule, 'unassign_condition', document) &&
    !applies(ctx, rule, 'close_condition', document)
  )
}

/** An empty condition never applies; one that cannot be worked out must not keep people from saving. */
function applies(ctx: Context, rule: AnyDocument, which: string, document: AnyDocument): boolean {
  if (String(rule[which] ?? '').trim() === '') return false
  try {
    return conditionHolds(ctx, rule[which], document)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    ctx.site.log.warn({ err: error, rule: rule.name, which }, 'a condition of an assignment rule fails')
    return false
  }
}

async function assign(ctx: Context, rule: AnyDocument, document: AnyDocument): Promise<boolean> {
  const user = await nextUser(ctx, rule, document)
  if (user === undefined) return false
  const theirs = ctx.as(await principalOf(ctx, user))
  const data = await templateData(theirs, document)
  const due = rule.due_date_based_on ? document[String(rule.due_date_based_on)] : undefined
  await insert(ctx, 'ToDo', {
    allocated_to: user,
    reference_type: document.doctype,
    reference_name: String(document.name),
    description: await renderTemplate(theirs, String(rule.description ?? ''), { ...data, doc: data }),
    status: 'Open',
    assignment_rule: rule.name,
    assigned_by: ctx.user.name,
    ...(due ? { date: String(due).slice(0, 10) } : {}),
  })
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${ident('tabAssignment Rule')} set last_user = ${user} where name = ${rule.name}`))
  return true
}

/** Whose turn it is. The rule's row is locked until the caller's commit, so that two documents never get the same turn. */
async function nextUser(ctx: Context, rule: AnyDocument, document: AnyDocument): Promise<string | undefined> {
  if (rule.rule === 'Based on Field') {
    const user = String(document[String(rule.field)] ?? '')
    return user !== '' && (await canTake(ctx, user, document)) ? user : undefined
  }
  await ctx.db.begin()
  const [row] = await ctx.db.query<{ last_user: string | null }>(
    ctx.db.dialect.compile(
      sql`select last_user from ${ident('tabAssignment Rule')} where name = ${rule.name}${sql.raw(ctx.db.dialect.forUpdate)}`,
    ),
  )
  const users = (rule.users as { user: string }[]).map((one) => one.user)
  const last = users.indexOf(row?.last_user ?? '')
  const turns = [...users.slice(last + 1), ...users.slice(0, last + 1)]
  const order = rule.rule === 'Load Balancing' ? await byLoad(ctx, turns, document.doctype) : turns
  for (const user of order) if (await canTake(ctx, user, document)) return user
  return undefined
}

/** Those with the fewest open assignments of the DocType first; among equals, whose turn comes first. */
async function byLoad(ctx: Context, users: readonly string[], doctype: string): Promise<string[]> {
  const rows = await ctx.db.query<{ user: string; n: number }>(
    ctx.db.dialect.compile(sql`select allocated_to as ${ident('user')}, count(*) as n from ${ident('tabToDo')}
      where reference_type = ${doctype} and status = ${'Open'} group by allocated_to`),
  )
  const load = new Map(rows.map((row) => [row.user, Number(row.n)]))
  return [...users].sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0))
}

/** Who is disabled, or may not read the document, is passed over. */
async function canTake(ctx: Context, user: string, document: AnyDocument): Promise<boolean> {
  try {
    return await can(ctx.as(await principalOf(ctx, user)), 'read', document.doctype, document)
  } catch (error) {
    if (UserUnavailable.is(error)) return false
    throw error
  }
}

/** As after a save, for documents that somebody picks. */
export async function applyRulesTo(ctx: Context, document: AnyDocument): Promise<void> {
  await apply(ctx, await rulesFor(ctx, kind, document.doctype), document)
}

/** Every day: what came when the rule had its day off, or when nobody could take it. */
export const assignLeftovers: JobDefinition = {
  queue: 'long',
  asSystem: 'assigns what nobody has',
  run: async (ctx, _, job) => {
    let assigned = 0
    for (const rules of (await allRules(ctx.site, kind)).values())
      for (const rule of [...rules].sort((a, b) => Number(b.priority ?? 0) - Number(a.priority ?? 0)))
        if (isToday(ctx, rule)) assigned += await job.step(`${rule.name}`, (own) => leftovers(own.asSystem('an Assignment Rule'), rule))
    return { assigned }
  },
}

async function leftovers(ctx: Context, rule: AnyDocument): Promise<number> {
  const meta = await ctx.site.meta.get(String(rule.document_type))
  if (meta.isSingle || meta.isVirtual || !meta.column.has('_assign')) return 0
  const today = utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)
  const since = zoneToUtc(`${addDays(today, -daysLookedBack)} 00:00:00.000000`, ctx.site.timeZone)
  const lying = and(where('_assign', 'not set'), where('creation', '>=', since), where('docstatus', '<', 2))
  let assigned = 0
  for (const { name } of await findRows(ctx, meta, lying, { fields: ['name'], orderBy: [['creation', 'asc']], limit: mostDocuments })) {
    const document = await load(ctx, meta, name)
    if (fits(ctx, rule, document) && (await assign(ctx, rule, document))) assigned++
  }
  return assigned
}
