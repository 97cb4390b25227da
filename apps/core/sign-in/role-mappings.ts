import { SignInSettingsInvalid } from '#kernel/sign-in/errors.ts'
import { unmappableRoles } from '#kernel/sign-in/identity.ts'

/** Refuses rows that would let a group bring a role that is nobody's to give. @throws SignInSettingsInvalid */
export function demandMappableRoles(rows: readonly { role: string }[] | undefined): void {
  for (const [index, { role }] of (rows ?? []).entries())
    if (unmappableRoles.has(role))
      throw new SignInSettingsInvalid({ field: `role_mappings[${index}].role`, reason: `no group can bring the role ${role}.` })
}
