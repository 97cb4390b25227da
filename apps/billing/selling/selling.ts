import type { AppPart } from '#kernel/apps/app.ts'
import { expireQuotations } from './expire-quotations.ts'
import { quoteDeal } from './quote-deal.ts'

/** From an offer to what is handed over. */
export const sellingPart: AppPart = {
  methods: [quoteDeal],
  jobs: { 'billing.expire_quotations': { queue: 'long', asSystem: 'quotations run out', run: (ctx) => expireQuotations(ctx) } },
  schedules: [{ every: '20 * * * *', job: 'billing.expire_quotations' }],
}
