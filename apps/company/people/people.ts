import { always, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { accessOf } from '#kernel/permissions/access.ts'
import { valuesFor } from '#kernel/permissions/permitted.ts'
import { managedDepartments } from '../departments/managed.ts'
import { fillMembership, followPermission, followUser, membershipField } from './membership.ts'

/**
 * The users whom the acting user may know of: those who share an organization, and oneself. Who belongs to none knows those who belong to
 * none, so that a site without organizations is one room. System Managers know all.
 */
export async function colleagues(ctx: Context): Promise<Predicate | undefined> {
  if (ctx.user.unrestricted || ctx.user.roles.has('System Manager')) return undefined
  const own = valuesFor((await accessOf(ctx)).permitted, 'Organization', 'User')
  const shared: Predicate =
    own.length === 0
      ? { child: membershipField, where: always, none: true }
      : { child: membershipField, where: where('organization', 'in', own) }
  return or(where('name', '=', ctx.user.name), shared)
}

/** One's own record, and those of the people in departments one manages, however deep. */
async function ownAndManaged(ctx: Context): Promise<Predicate> {
  const managed = await managedDepartments(ctx, ctx.user.name)
  const own = where('user', '=', ctx.user.name)
  return managed.length === 0 ? own : or(own, where('department', 'in', managed))
}

/** People of organizations: who they are, and who may know of whom. */
export const peoplePart: AppPart = {
  permissions: {
    User: { rows: colleagues, linkRows: colleagues },
    Person: { alsoRows: ownAndManaged, hidesExistence: true },
  },
  events: {
    'User Permission': { on_change: followPermission, after_delete: followPermission },
    User: { on_update: followUser, after_rename: followUser },
  },
  fixtures: [
    {
      doctype: 'Custom Field',
      documents: [
        {
          name: `User-${membershipField}`,
          dt: 'User',
          fieldname: membershipField,
          fieldtype: 'Table',
          label: 'Organizations',
          options: 'Organization Member',
          insert_after: 'user_type',
          permlevel: 9,
          read_only: 1,
          no_copy: 1,
          hidden: 1,
          is_system_generated: 1,
        },
      ],
    },
  ],
  patches: [{ id: '2026-11-20-members-of-organizations', when: 'after-sync', run: fillMembership }],
}
