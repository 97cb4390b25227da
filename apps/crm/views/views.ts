import { or, where } from '#client/rules/predicate.ts'
import type { AppPart } from '#kernel/apps/app.ts'

const mayPublish = (roles: ReadonlySet<string>): boolean => roles.has('System Manager') || roles.has('Super Admin')

/** Lists as people arranged them: one's own, and those that were put before everybody in the organization. */
export const viewsPart: AppPart = {
  permissions: {
    'Saved View': {
      rows: ({ user }, action) => {
        const own = where('owner', '=', user.name)
        if (action === 'create') return undefined
        if (action === 'read' || action === 'select') return or(own, where('public', '=', 1))
        // Who looks after the platform may take away what somebody who left has put before everybody.
        return mayPublish(user.roles) ? or(own, where('public', '=', 1)) : own
      },
    },
  },
}
