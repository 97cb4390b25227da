import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { KnownAlready, NotAMember, OtherOrganization } from '../../errors.ts'
import { isMember } from '../../people/membership.ts'

interface DepartmentFields {
  department_name: string
  organization: string
  parent_department: string | null
  manager: string | null
}

/** A part of an organization; its manager answers for it and for all below. */
export default class Department extends Document<DepartmentFields> {
  async validate(ctx: Context): Promise<void> {
    this.department_name = this.department_name?.trim()
    // What is missing is told after this.
    if (!this.organization) return
    await demandOneOrganization(ctx, this)
    await demandNameOnce(ctx, this)
    const { manager, organization } = this
    if (manager && !(await isMember(ctx, manager, organization))) throw new NotAMember({ field: 'manager', user: manager, organization })
  }
}

/** The one above, and those below, belong to the same organization. */
async function demandOneOrganization(ctx: Context, document: Department): Promise<void> {
  const meta = await ctx.site.meta.get('Department')
  const { parent_department: above, organization } = document
  const outside = (condition: Parameters<typeof where>) =>
    findRows(ctx, meta, { all: [where(...condition), where('organization', '!=', organization)] }, { fields: ['name'], limit: 1 })
  if (above && (await outside(['name', '=', above])).length > 0)
    throw new OtherOrganization({ doctype: 'Department', field: 'parent_department', value: above, organization })
  if (!document.name) return
  const [below] = await outside(['parent_department', '=', document.name])
  if (below) throw new OtherOrganization({ doctype: 'Department', field: 'organization', value: below.name, organization })
}

async function demandNameOnce(ctx: Context, document: Department): Promise<void> {
  const { department_name: value, organization, parent_department: above } = document
  const parts = [
    where('organization', '=', organization),
    where('department_name', '=', value),
    above ? where('parent_department', '=', above) : where('parent_department', 'not set'),
    ...(document.name ? [where('name', '!=', document.name)] : []),
  ]
  const twins = await findRows(ctx, await ctx.site.meta.get('Department'), { all: parts }, { fields: ['name'], limit: 1 })
  if (twins.length > 0) throw new KnownAlready({ doctype: 'Department', field: 'department_name', value, organization })
}
