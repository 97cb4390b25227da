import { defineError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { Document } from '#kernel/documents/document.ts'

interface UserPermissionFields {
  user: string
  allow: string
  for_value: string
  is_default: 0 | 1
  apply_to_all_doctypes: 0 | 1
  applicable_for: string | null
}

export const UserPermissionRepeated = defineError<{ user: string; allow: string; value: string; field: string }>({
  code: 'core/user-permission-repeated',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.user} already has this permission for ${d.allow} ${d.value}.`,
})

export const DefaultRepeated = defineError<{ user: string; allow: string; field: string }>({
  code: 'core/user-permission-default-repeated',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.user} already has a default ${d.allow}.`,
})

/** Confines a user to one document of a DocType, and to what links to it. */
export default class UserPermission extends Document<UserPermissionFields> {
  async validate(ctx: Context): Promise<void> {
    if (!this.applicable_for) this.apply_to_all_doctypes = 1
    if (this.apply_to_all_doctypes) this.applicable_for = null
    const others = await ctx.db.query<{ for_value: string; applicable_for: string | null; is_default: number }>(
      ctx.db.dialect.compile(
        sql`select for_value, applicable_for, is_default from ${ident('tabUser Permission')}
          where ${ident('user')} = ${this.user} and allow = ${this.allow} and name != ${this.name}`,
      ),
    )
    const same = (a: string | null, b: string | null): boolean => (a || null) === (b || null)
    if (others.some((one) => one.for_value === this.for_value && same(one.applicable_for, this.applicable_for)))
      throw new UserPermissionRepeated({ user: this.user, allow: this.allow, value: this.for_value, field: 'for_value' })
    if (this.is_default && others.some((one) => one.is_default && same(one.applicable_for, this.applicable_for)))
      throw new DefaultRepeated({ user: this.user, allow: this.allow, field: 'is_default' })
  }
}
