import type { AppPart } from '#kernel/apps/app.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { scriptMethod } from './api-scripts.ts'
import { clientScriptMethods, clientScripts } from './client-scripts.ts'
import { scriptListeners } from './document-events.ts'
import { scriptPermissions } from './permission-scripts.ts'
import { scriptJobs, scriptSchedules } from './scheduled-scripts.ts'

const clientScriptsChanged: DocumentListener = (ctx) => clientScripts.invalidateAll(ctx)
/** A Permission Query decides about rows: what was derived of rights goes, too. */
const serverScriptsChanged: DocumentListener = async (ctx) => {
  await bumpEpoch(ctx, 'config')
  await bumpEpoch(ctx, 'access')
}

/** What people write for their own site: scripts on the server and beside forms, each in a sandbox. */
export const scriptsPart: AppPart = {
  events: {
    '*': scriptListeners,
    'Server Script': { on_change: serverScriptsChanged, after_rename: serverScriptsChanged, after_delete: serverScriptsChanged },
    'Client Script': { on_change: clientScriptsChanged, after_rename: clientScriptsChanged, after_delete: clientScriptsChanged },
  },
  permissions: { '*': scriptPermissions },
  methods: clientScriptMethods,
  caches: [clientScripts],
  siteMethod: scriptMethod,
  jobs: scriptJobs,
  siteSchedules: scriptSchedules,
}
