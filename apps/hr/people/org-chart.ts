import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { readableRows } from '../shared/rows.ts'

/** The org chart as far as the caller may read it. */
export const orgChart = defineMethod({
  path: 'orchestrator.hr.org_chart',
  summary: 'Employees with whom they report to; who reports to nobody the caller may read stands at the top.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ organization: Type.Optional(Type.String()) }),
  rule: checkedPerDocument('it reads Employee with the rights of the caller'),
  handler: (ctx, { organization }) => {
    return readableRows(
      ctx,
      'Employee',
      and(where('status', '!=', 'Left'), ...(organization ? [where('organization', '=', organization)] : [])),
      {
        fields: ['name', 'employee_name', 'designation', 'department', 'image', 'reports_to'],
        orderBy: [['employee_name', 'asc']],
        limit: 10_000,
      },
    )
  },
})
