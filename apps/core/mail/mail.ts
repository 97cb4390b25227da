import type { AppPart } from '#kernel/apps/app.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { communicationPermissions } from './communications.ts'
import { accountSchedules, mailJobs, mailSchedules } from './jobs.ts'
import { mailMethods } from './methods.ts'

const accountsChanged: DocumentListener = (ctx) => bumpEpoch(ctx, 'config')

/** Mail out and in: accounts, queue, communications, templates. */
export const mailPart: AppPart = {
  roles: ['Inbox User'],
  methods: mailMethods,
  permissions: { Communication: communicationPermissions },
  jobs: mailJobs,
  schedules: mailSchedules,
  siteSchedules: accountSchedules,
  events: {
    'Email Account': { on_change: accountsChanged, after_rename: accountsChanged, after_delete: accountsChanged },
  },
}
