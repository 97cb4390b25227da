import type { AppPart } from '#kernel/apps/app.ts'
import { checkSla, sweepSla } from './escalate.ts'
import { previewSla } from './preview.ts'
import { holidaysChanged, policyChanged, rederiveJob } from './rederive.ts'

/** What is promised, and what happens when a promise nears its end. */
export const slaPart: AppPart = {
  methods: [previewSla],
  events: { 'SLA Policy': { on_update: policyChanged }, 'Holiday List': { on_update: holidaysChanged } },
  jobs: { 'check-sla': checkSla, 'sweep-sla': sweepSla, 'rederive-deadlines': rederiveJob },
  schedules: [{ every: '* * * * *', job: 'sweep-sla' }],
}
