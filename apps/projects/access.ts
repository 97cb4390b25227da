import { and, never, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { rowsOf } from './rows.ts'

/** Roles that see all projects of their organization, private ones included. */
const everything = ['System Manager', 'Super Admin', 'Projects Manager', 'Auditor']
/** Roles that see all but the private ones of others. */
const most = [
  'Projects User',
  'Supervisor',
  'Finance Manager',
  'Accounts Manager',
  'Accounts User',
  'HR Manager',
  'Shift Manager',
  'Dispatch Manager',
]

type Reach = 'all' | 'most' | 'own' | 'outside'

function reachOf({ user }: Context): Reach {
  if (user.unrestricted || everything.some((role) => user.roles.has(role))) return 'all'
  if (most.some((role) => user.roles.has(role))) return 'most'
  return user.roles.has('Desk User') ? 'own' : 'outside'
}

const takesPart = (user: string): Predicate => or(where('project_manager', '=', user), { child: 'users', where: where('user', '=', user) })
const worksOn = (user: string): Predicate =>
  or(where('project_manager', '=', user), { child: 'users', where: and(where('user', '=', user), where('role', '!=', 'Viewer')) })

/** The projects of customers whose portal somebody uses. */
async function projectsOutside(ctx: Context): Promise<Predicate> {
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select distinct c.name from ${ident('tabCustomer')} c join ${ident('tabPortal User')} p on p.parent = c.name and p.parenttype = ${'Customer'}
        where p.${ident('user')} = ${ctx.user.name} and c.portal_enabled = 1 and c.disabled = 0 order by c.name`,
    ),
  )
  return and(
    where('client_visible', '=', 1),
    where(
      'customer',
      'in',
      rows.map((row) => String(row.name)),
    ),
  )
}

async function projectRows(ctx: Context, action: Action): Promise<Predicate | undefined> {
  const reach = reachOf(ctx)
  if (reach === 'all') return undefined
  const { name } = ctx.user
  if (reach === 'most') return or(where('is_private', '=', 0), where('owner', '=', name), takesPart(name))
  if (reach === 'outside') return projectsOutside(ctx)
  return action === 'read' || action === 'select' || action === 'report' || action === 'print' ? takesPart(name) : worksOn(name)
}

async function namesOf(ctx: Context, predicate: Predicate): Promise<string[]> {
  return (await rowsOf(ctx, 'Project', predicate, { fields: ['name'] })).map(({ name }) => name)
}

/** Rows that belong to a project are seen by whoever sees the project. */
async function ofProject(ctx: Context, action: Action, more: readonly Predicate[] = []): Promise<Predicate | undefined> {
  const reach = reachOf(ctx)
  if (reach === 'all') return undefined
  if (reach === 'most') {
    const hidden = await namesOf(
      ctx,
      and(where('is_private', '=', 1), { not: or(where('owner', '=', ctx.user.name), takesPart(ctx.user.name)) }),
    )
    return or({ not: where('project', 'in', hidden) }, ...more)
  }
  const seen = await projectRows(ctx, action)
  return or(where('project', 'in', seen ? await namesOf(ctx, seen) : []), ...more)
}

async function ownEmployees(ctx: Context): Promise<string[]> {
  return (await rowsOf(ctx, 'Employee', where('user_id', '=', ctx.user.name), { fields: ['name'] })).map(({ name }) => name)
}

async function taskRows(ctx: Context, action: Action): Promise<Predicate | undefined> {
  const reach = reachOf(ctx)
  if (reach === 'outside')
    return and(where('client_visible', '=', 1), where('project', 'in', await namesOf(ctx, await projectsOutside(ctx))))
  if (reach === 'all') return undefined
  return ofProject(ctx, action, [
    where('employee', 'in', await ownEmployees(ctx)),
    and(where('owner', '=', ctx.user.name), where('project', 'not set')),
  ])
}

export const projectPermissions: Readonly<Record<string, PermissionHooks>> = {
  Project: { rows: projectRows },
  Task: { rows: taskRows },
  Milestone: { rows: (ctx, action) => ofProject(ctx, action) },
  Sprint: { rows: (ctx, action) => (reachOf(ctx) === 'outside' ? never : ofProject(ctx, action)) },
  'Sprint Event': { rows: (ctx, action) => (reachOf(ctx) === 'outside' ? never : ofProject(ctx, action)) },
  'Resource Allocation': {
    rows: async (ctx, action) => {
      const reach = reachOf(ctx)
      if (reach === 'own') return where('employee', 'in', await ownEmployees(ctx))
      return reach === 'outside' ? never : ofProject(ctx, action)
    },
  },
}

const telling = ['is_private', 'client_visible', 'customer', 'project_manager'] as const

/** Grants remember who takes part. */
export const membersChanged: DocumentListener = async (ctx, document, extra) => {
  const before = extra?.before as AnyDocument | undefined
  const users = (one: AnyDocument | undefined) =>
    ((one?.users as { user: string; role: string }[] | undefined) ?? []).map(({ user, role }) => `${user} ${role}`).sort()
  const isSame =
    before !== undefined && before !== document && telling.every((field) => (document[field] ?? null) === (before[field] ?? null))
  if (!isSame || users(document).join('\n') !== users(before).join('\n')) await bumpEpoch(ctx, 'access')
}
