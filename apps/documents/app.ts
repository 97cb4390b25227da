import { defineApp } from '#kernel/apps/app.ts'
import { filingPart } from './filing/filing.ts'
import { keepingPart } from './keeping/keeping.ts'
import { sharingPart } from './sharing/sharing.ts'
import { templatesPart } from './templates/templates.ts'
import { vaultPart } from './vault/vault.ts'

/** What an organization keeps in writing: documents and their versions, how long they stay, who got them, and the vaults of customers. */
export default defineApp({
  name: 'documents',
  title: 'Documents',
  description: 'Documents with versions, retention, holds, links and a log that nobody edits.',
  version: '0.1.0',
  requires: ['crm'],
  parts: [filingPart, keepingPart, sharingPart, templatesPart, vaultPart],
})
