import { and, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { rowsOf } from './rows.ts'

/** Roles that see everybody of their organization; what they may do there is said by the permission rows. */
const everybody = ['System Manager', 'Super Admin', 'HR Manager', 'HR User', 'Payroll Manager', 'Finance Manager', 'Supervisor']

/** Whom somebody is, leads and manages, by the name of Employee. */
export interface People {
  readonly own: readonly string[]
  /** Who reports to them, directly or through others. */
  readonly below: readonly string[]
  /** Who works in the departments they manage, those below included. */
  readonly managed: readonly string[]
}

/** Levels of the org chart that count; a chart in a circle cannot be saved. */
const depth = 40

/** The people around a user; found once in a unit of work. */
export async function peopleOf(ctx: Context, user: string): Promise<People> {
  const key = `hr:people:${user}`
  const known = ctx.memo.get(key) as Promise<People> | undefined
  if (known) return known
  const found = findPeople(ctx, user)
  ctx.memo.set(key, found)
  return found
}

async function findPeople(ctx: Context, user: string): Promise<People> {
  const own = (await rowsOf(ctx, 'Employee', where('user_id', '=', user), { fields: ['name'] })).map((row) => row.name)
  const below: string[] = []
  let level = own
  for (let step = 0; step < depth && level.length > 0; step += 1) {
    level = (await rowsOf(ctx, 'Employee', where('reports_to', 'in', level), { fields: ['name'] })).map((row) => row.name)
    below.push(...level)
  }
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(sql`select distinct e.name as name from ${ident('tabDepartment')} above
      join ${ident('tabDepartment')} d on d.lft >= above.lft and d.rgt <= above.rgt
      join ${ident('tabEmployee')} e on e.department = d.name
      where above.manager = ${user} and coalesce(above.disabled, 0) = 0`),
  )
  const mine = new Set(own)
  return { own, below, managed: rows.map((row) => String(row.name)).filter((name) => !mine.has(name)) }
}

/** How a DocType's rows tell whose they are. */
interface Belonging {
  /** Field that names the employee; of Employee itself the name. */
  readonly employee: string
  /** Fields that name the users who decide on the row. */
  readonly approvers?: readonly string[]
  /** Roles that see everybody here beside those who do anyway. */
  readonly roles?: readonly string[]
  /** Roles for whom every employee may be chosen. */
  readonly chosenByAll?: boolean
}

const decisions: ReadonlySet<Action> = new Set<Action>(['submit', 'cancel', 'amend'])
const changes: ReadonlySet<Action> = new Set<Action>(['write', 'create'])

/**
 * Who sees and does what with records of people: those of HR with everybody's, as their roles say; the others with their own; who leads,
 * manages or decides, with those of their people. Nobody decides on what is their own.
 */
export function ofPeople({ employee, approvers = [], roles = [], chosenByAll = false }: Belonging): PermissionHooks {
  const wide = [...everybody, ...roles]
  return {
    rows: async (ctx, action) => {
      if (ctx.user.unrestricted || (chosenByAll && action === 'select')) return undefined
      const { own, below, managed } = await peopleOf(ctx, ctx.user.name)
      const isOwn = where(employee, 'in', own)
      if (wide.some((role) => ctx.user.roles.has(role)))
        return decisions.has(action) && own.length > 0 ? ({ not: isOwn } as Predicate) : undefined
      const decides = or(...approvers.map((field) => where(field, '=', ctx.user.name)), where(employee, 'in', managed))
      if (decisions.has(action)) return own.length > 0 ? and(decides, { not: isOwn }) : decides
      if (action === 'delete') return isOwn
      if (changes.has(action)) return or(isOwn, decides)
      return or(isOwn, decides, where(employee, 'in', below))
    },
  }
}

const around = ['user_id', 'reports_to', 'department'] as const

/** Grants remember who somebody is and whom they lead. */
export const peopleChanged: DocumentListener = async (ctx, document, extra) => {
  const before = extra?.before as AnyDocument | undefined
  const isSame =
    before !== undefined && before !== document && around.every((field) => (document[field] ?? null) === (before[field] ?? null))
  if (!isSame) await bumpEpoch(ctx, 'access')
}

/** Departments have moved or have another manager. */
export const departmentsChanged: DocumentListener = (ctx) => bumpEpoch(ctx, 'access')
