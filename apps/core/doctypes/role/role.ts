import { defineError } from '#client/rules/errors.ts'
import { Document } from '#kernel/documents/document.ts'

/** Roles that the platform itself gives out. */
const automatic: ReadonlySet<string> = new Set(['Administrator', 'System Manager', 'Desk User', 'All', 'Guest'])

export const RoleIsFixed = defineError<{ role: string; field: string }>({
  code: 'core/role-is-fixed',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The role ${d.role} belongs to the platform and can be neither disabled, renamed nor deleted.`,
})

/** A set of rights that users hold. */
export default class Role extends Document<{ role_name: string; disabled: 0 | 1 }> {
  validate(): void {
    if (automatic.has(this.role_name) && this.disabled) throw new RoleIsFixed({ role: this.role_name, field: 'disabled' })
  }

  on_trash(): void {
    if (automatic.has(this.name)) throw new RoleIsFixed({ role: this.name, field: 'name' })
  }

  before_rename(): void {
    this.on_trash()
  }
}
