import type { AppPart } from '#kernel/apps/app.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { areMailsMuted } from '#kernel/imports/muted.ts'
import { dataImportMethods } from './data-import-methods.ts'
import { importData } from './run-data-import.ts'

/** A mail about a row of a muted import stays in the outbox, where it can be seen. */
const keepMuted: DocumentListener = (ctx, queued) => {
  if (!areMailsMuted(ctx)) return
  const waits = (one: Record<string, unknown>): boolean => one.status === 'Not Sent'
  for (const recipient of (queued.recipients as Record<string, unknown>[]).filter(waits)) recipient.status = 'Kept'
  if (waits(queued)) Object.assign(queued, { status: 'Kept' })
}

/** Files that become documents, and documents that become files. */
export const importsPart: AppPart = {
  methods: dataImportMethods,
  jobs: { 'import-data': importData },
  events: { 'Email Queue': { before_insert: keepMuted } },
}
