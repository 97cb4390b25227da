import { isTimeZone } from '#client/rules/time-zone.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { Document } from '#kernel/documents/document.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { KnownAlready, NotAMember, OtherOrganization, ValueRefused } from '../../../errors.ts'
import { isMember } from '../../membership.ts'

interface PersonFields {
  first_name: string
  last_name: string | null
  full_name: string
  organization: string
  department: string | null
  user: string | null
  time_zone: string | null
  date_of_birth: string | null
}

/** Somebody known to an organization. */
export default class Person extends Document<PersonFields> {
  async validate(ctx: Context): Promise<void> {
    this.first_name = this.first_name?.trim()
    this.full_name = [this.first_name, this.last_name?.trim()].filter(Boolean).join(' ')
    const refuse = (field: string, reason: string): never => {
      throw new ValueRefused({ doctype: 'Person', field, reason })
    }
    if (this.time_zone && !isTimeZone(this.time_zone)) refuse('time_zone', `"${this.time_zone}" is no time zone.`)
    if (this.date_of_birth && this.date_of_birth > nowText(ctx).slice(0, 10)) refuse('date_of_birth', 'lies in the future.')
    // What is missing is told after this.
    if (!this.organization) return
    await demandOwnDepartment(ctx, this)
    await demandOwnMember(ctx, this)
  }
}

async function demandOwnDepartment(ctx: Context, document: Person): Promise<void> {
  const { department, organization } = document
  if (!department) return
  const found = await findRows(ctx, await ctx.site.meta.get('Department'), where('name', '=', department), { fields: ['organization'] })
  if (found[0]?.organization !== organization)
    throw new OtherOrganization({ doctype: 'Person', field: 'department', value: department, organization })
}

async function demandOwnMember(ctx: Context, document: Person): Promise<void> {
  const { user, organization } = document
  if (!user) return
  if (!(await isMember(ctx, user, organization))) throw new NotAMember({ field: 'user', user, organization })
  const same = [where('user', '=', user), where('organization', '=', organization), where('name', '!=', document.name ?? '')]
  const twins = await findRows(ctx, await ctx.site.meta.get('Person'), { all: same }, { fields: ['name'], limit: 1 })
  if (twins.length > 0) throw new KnownAlready({ doctype: 'Person', field: 'user', value: user, organization })
}
