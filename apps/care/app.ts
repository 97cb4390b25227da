import { defineApp } from '#kernel/apps/app.ts'
import { clientsPart } from './clients/clients.ts'
import { kipuPart } from './kipu/kipu.ts'

/** People who are cared for: from admission to discharge, with what they are assigned and the tasks that come of it. */
export default defineApp({
  name: 'care',
  title: 'Care',
  description: 'Clients, programs and their tasks; clients of Kipu.',
  version: '0.1.0',
  requires: ['company', 'crm'],
  parts: [clientsPart, kipuPart],
})
