import type { AppPart } from '#kernel/apps/app.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { assignByRules, assignLeftovers } from './assignments.ts'
import { dueNotifications } from './due-notifications.ts'
import { automationMethods } from './methods.ts'
import { notificationListener } from './notification-events.ts'
import { dueRepeats, repeatJob } from './repeats.ts'
import { notificationJob, slackJob } from './send-notification.ts'

/** Assignments first: a notification may be for those who have the document now. */
function assignedThen(tell: DocumentListener): DocumentListener {
  return (ctx, document, extra) => {
    const assigning = assignByRules(ctx, document, extra)
    return assigning ? assigning.then(() => tell(ctx, document, extra)) : tell(ctx, document, extra)
  }
}

/** Rules that people make for documents: whom to tell, whom to assign, what to repeat. */
export const automationPart: AppPart = {
  methods: automationMethods,
  jobs: {
    notification: notificationJob,
    'slack-message': slackJob,
    'due-notifications': dueNotifications,
    'assign-leftovers': assignLeftovers,
    'due-repeats': dueRepeats,
    repeat: repeatJob,
  },
  schedules: [
    { every: 'daily', job: 'due-notifications' },
    { every: 'daily', job: 'assign-leftovers' },
    { every: 'daily', job: 'due-repeats' },
  ],
  events: {
    '*': {
      after_insert: notificationListener('after_insert'),
      on_update: assignedThen(notificationListener('on_update')),
      on_submit: notificationListener('on_submit'),
      on_cancel: assignedThen(notificationListener('on_cancel')),
      on_update_after_submit: assignedThen(notificationListener('on_update_after_submit')),
      on_discard: notificationListener('on_discard'),
      on_change: notificationListener('on_change'),
    },
  },
}
