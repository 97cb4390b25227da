import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { save } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { todayOf } from '../../../shared/organization.ts'
import { checkOrder, rowsOf } from '../../../shared/rows.ts'
import { noteCancelled } from '../../access.ts'
import { PayRefused } from '../../errors.ts'

interface WithholdingFields {
  employee: string
  organization: string
  from_date: string
  to_date: string
  status: 'Draft' | 'Withheld' | 'Released' | 'Cancelled'
  released_on: string | null
}

const why = 'pay is kept back or let go'

/** Keeps pay back: slips of its days are reckoned and posted as ever, and marked so that nobody pays them out. */
export default class SalaryWithholding extends Document<WithholdingFields> {
  validate(): void {
    checkOrder(this.from_date, this.to_date, 'to_date')
    this.status = this.docstatus === 1 ? 'Withheld' : 'Draft'
  }

  async on_submit(ctx: Context): Promise<void> {
    await mark(ctx, this, 'Submitted', 'Withheld')
  }

  async on_cancel(ctx: Context): Promise<void> {
    await noteCancelled(ctx, this)
    await mark(ctx, this, 'Withheld', 'Submitted')
  }
}

/** A slip that another withholding keeps back, too, stays kept back. */
async function mark(ctx: Context, one: WithholdingFields & { name: string }, from: string, to: string): Promise<void> {
  const theirs = where('employee', '=', one.employee)
  const slips = await rowsOf(
    ctx,
    'Salary Slip',
    and(
      theirs,
      where('docstatus', '=', 1),
      where('status', '=', from),
      where('start_date', '<=', one.to_date),
      where('end_date', '>=', one.from_date),
    ),
    { fields: ['name', 'start_date', 'end_date'] },
  )
  const others = await rowsOf(
    ctx,
    'Salary Withholding',
    and(theirs, where('docstatus', '=', 1), where('status', '=', 'Withheld'), where('name', '!=', one.name)),
    { fields: ['from_date', 'to_date'] },
  )
  for (const slip of slips) {
    const isKept = others.some(
      (other) => String(other.from_date) <= String(slip.end_date) && String(other.to_date) >= String(slip.start_date),
    )
    if (to === 'Withheld' || !isKept) await writeThrough(ctx.asSystem(why), 'Salary Slip', slip.name, { status: to })
  }
}

async function release(ctx: Context, document: AnyDocument): Promise<{ released_on: string }> {
  if (document.status !== 'Withheld') throw new PayRefused({ field: 'status', reason: 'nothing is kept back by it.' })
  const released_on = await todayOf(ctx, String(document.organization))
  const done = await save(ctx.asSystem(why), document, { status: 'Released', released_on })
  await mark(ctx, done as unknown as SalaryWithholding, 'Withheld', 'Submitted')
  return { released_on }
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'release',
    doctype: 'Salary Withholding',
    summary: 'Lets go what was kept back: the slips of its days can be paid out.',
    input: Type.Object({}),
    needs: 'submit',
    handler: (ctx, document) => release(ctx, document),
  }),
]
