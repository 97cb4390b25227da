import { defineApp } from '#kernel/apps/app.ts'
import { announceChange, announceRename } from '#kernel/realtime/announce.ts'
import { publish } from '#kernel/realtime/publish.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { adaptersPart } from './adapters/adapters.ts'
import { automationPart } from './automation/automation.ts'
import { cachePart } from './cache/cache.ts'
import { copyAttachments, removeAttachments } from './attachments.ts'
import { externalPart } from './external/external.ts'
import { filesPart } from './files/files.ts'
import { coreJobs, coreSchedules } from './jobs.ts'
import { clientMethods } from './methods/client.ts'
import { clientReadMethods } from './methods/client-read.ts'
import { collaborationMethods } from './methods/collaboration.ts'
import { deskFormMethods } from './methods/desk-form.ts'
import { deskMoreMethods } from './methods/desk-more.ts'
import { deskReportviewMethods } from './methods/desk-reportview.ts'
import { deskSearchMethods } from './methods/desk-search.ts'
import { fileMethods } from './methods/files.ts'
import { identityMethods } from './methods/identity.ts'
import { platformMethods } from './methods/platform.ts'
import { runDocumentMethods } from './methods/run-document.ts'
import { sharingMethods } from './methods/sharing.ts'
import { mailPart } from './mail/mail.ts'
import { notificationsPart } from './notifications/notifications.ts'
import { corePermissions } from './permissions.ts'
import { printPart } from './print/print.ts'
import { webhooksPart } from './webhooks/webhooks.ts'
import { scriptsPart } from './scripts/scripts.ts'
import { importsPart } from './imports/imports.ts'
import { reconciliationPart } from './reconciliation/reconciliation.ts'
import { sagaPart } from './saga/saga.ts'
import { searchPart } from './search/search.ts'
import { reportsPart } from './reports/reports.ts'
import { translationsPart } from './translations/translations.ts'
import { signInPart } from './sign-in/sign-in.ts'
import { workflowPart } from './workflow/workflow.ts'

const accessChanged: DocumentListener = (ctx) => bumpEpoch(ctx, 'access')
const definitionsChanged: DocumentListener = (ctx) => bumpEpoch(ctx, 'meta')
const settingsChanged: DocumentListener = (ctx) => bumpEpoch(ctx, 'config')
const notify: DocumentListener = (ctx, { for_user: user }) =>
  typeof user === 'string' && user !== '' ? publish(ctx, 'notification', {}, { user }) : undefined

/** The platform's own DocTypes: users, roles, files, comments, customisation, records of what happened. */
export default defineApp({
  name: 'core',
  title: 'Core',
  version: '0.1.0',
  roles: [
    { name: 'Administrator' },
    { name: 'System Manager' },
    { name: 'Desk User' },
    { name: 'All', desk: false },
    { name: 'Guest', desk: false },
  ],
  permissions: corePermissions,
  parts: [
    automationPart,
    importsPart,
    externalPart,
    filesPart,
    mailPart,
    printPart,
    notificationsPart,
    searchPart,
    signInPart,
    sagaPart,
    reconciliationPart,
    adaptersPart,
    workflowPart,
    reportsPart,
    webhooksPart,
    scriptsPart,
    cachePart,
    translationsPart,
  ],
  methods: [
    ...platformMethods,
    ...identityMethods,
    ...clientReadMethods,
    ...clientMethods,
    ...runDocumentMethods,
    ...fileMethods,
    ...deskSearchMethods,
    ...deskReportviewMethods,
    ...deskFormMethods,
    ...deskMoreMethods,
    ...collaborationMethods,
    ...sharingMethods,
  ],
  jobs: coreJobs,
  schedules: coreSchedules,
  events: {
    User: { on_change: accessChanged, after_rename: accessChanged },
    Role: { on_change: accessChanged, after_rename: accessChanged },
    'Role Profile': { on_change: accessChanged },
    'User Permission': { on_change: accessChanged },
    DocType: { on_change: definitionsChanged, after_rename: definitionsChanged },
    'Custom Field': { on_change: definitionsChanged },
    'Property Setter': { on_change: definitionsChanged },
    'Custom DocPerm': { on_change: definitionsChanged },
    'Document Naming Rule': { on_change: settingsChanged },
    'System Settings': { on_change: settingsChanged },
    'Notification Log': { after_insert: notify },
    '*': { after_insert: copyAttachments, after_delete: removeAttachments, on_change: announceChange, after_rename: announceRename },
  },
})
