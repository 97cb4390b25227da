import { defineError } from '#client/rules/errors.ts'

/** No such address, or it is switched off: the caller is not told which. */
export const WebhookUnknown = defineError({
  code: 'webhooks/unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: () => 'There is nothing here.',
})

/** Not proven to come from whom it says. What is missing is in the log alone. */
export const WebhookRefused = defineError({
  code: 'webhooks/refused',
  status: 401,
  excType: 'AuthenticationError',
  message: () => 'This is not accepted.',
})

export const WebhookTooLarge = defineError<{ limit: number }>({
  code: 'webhooks/too-large',
  status: 413,
  excType: 'RequestEntityTooLarge',
  message: (d) => `The body is larger than ${d.limit} bytes.`,
})

export const WebhookEventGone = defineError<{ event: string }>({
  code: 'webhooks/event-gone',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `The webhook event ${d.event} is kept no longer.`,
})
