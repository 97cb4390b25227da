import { defineReconciliation } from '#kernel/reconciliation/reconciliation.ts'
import { sagaDoctype } from '#kernel/saga/saga-log.ts'
import { reviveSaga, strandedSagas } from '#kernel/saga/watch.ts'

/** Running sagas without a job that drives them. They go on, or are taken back: never are they just called failed. */
export const staleSagas = defineReconciliation({
  name: 'stale_saga_cleanup',
  title: 'Sagas that nobody drives',
  every: 'weekly',
  check: async (ctx, { after }) => {
    const { names, looked, last } = await strandedSagas(ctx, after)
    const discrepancies = names.map((name) => ({ kind: 'nobody drives it', doctype: sagaDoctype, name }))
    return { checked: looked, discrepancies, ...(last !== undefined && { next: last }) }
  },
  heal: async (ctx, { name = '' }) => ((await reviveSaga(ctx, name)) ? 'healed' : 'gone'),
})
