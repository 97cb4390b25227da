import { defineError } from '#client/rules/errors.ts'

/** A Webhook or Incoming Webhook that cannot work as it is written. */
export const WebhookInvalid = defineError<{ field: string; reason: string }>({
  code: 'webhooks/invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `This webhook cannot work: ${d.reason}`,
})

/** Nobody took the message; it is tried again. */
export const DeliveryFailed = defineError<{ webhook: string; reason: string }>({
  code: 'webhooks/delivery-failed',
  status: 502,
  excType: 'ValidationError',
  message: (d) => `A message of ${d.webhook} was not taken: ${d.reason}`,
})

/** Trying again would not help, or has been done often enough. */
export const DeliveryGivenUp = defineError<{ webhook: string; reason: string }>({
  code: 'webhooks/delivery-given-up',
  status: 424,
  excType: 'ValidationError',
  message: (d) => `A message of ${d.webhook} was given up: ${d.reason}`,
})

export const DeliveryNotWaiting = defineError<{ log: string; status: string }>({
  code: 'webhooks/delivery-not-failed',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.log} is ${d.status}; only what has failed or was cancelled can be sent again.`,
})
