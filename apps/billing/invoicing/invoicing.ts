import type { AppPart } from '#kernel/apps/app.ts'
import { markOverdue } from './mark-overdue.ts'

/** What customers are to pay. */
export const invoicingPart: AppPart = {
  jobs: { 'billing.mark_overdue': { queue: 'long', asSystem: 'invoices fall due', run: (ctx) => markOverdue(ctx) } },
  // Every hour, because midnight comes to each organization at its own.
  schedules: [{ every: '10 * * * *', job: 'billing.mark_overdue' }],
}
