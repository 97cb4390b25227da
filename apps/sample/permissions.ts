import { or, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context, Principal } from '#kernel/context/context.ts'

/** Technicians see the requests that are theirs to carry out and those nobody has taken; who coordinates or looks on sees all. */
export function assignedToMeOrNobody({ user }: Context): Predicate | undefined {
  return isOnlyTechnician(user) ? or(where('technician', '=', user.name), where('technician', 'not set')) : undefined
}

/** Technicians see their own visits. */
export function myVisits({ user }: Context): Predicate | undefined {
  return isOnlyTechnician(user) ? where('technician', '=', user.name) : undefined
}

function isOnlyTechnician({ roles }: Principal): boolean {
  return roles.has('Technician') && !roles.has('Coordinator') && !roles.has('Viewer')
}
