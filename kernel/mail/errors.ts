import { defineError } from '#client/rules/errors.ts'

export const BadMail = defineError<{ field: string; reason: string }>({
  code: 'mail/bad-mail',
  status: 417,
  excType: 'ValidationError',
  message: ({ reason }) => `The mail cannot be sent: ${reason}`,
})

export const MailTooLarge = defineError<{ field: string; limit: number }>({
  code: 'mail/too-large',
  status: 417,
  excType: 'ValidationError',
  message: ({ limit }) => `The attachments are larger than the ${Math.floor(limit / 1024 / 1024)} MB that a mail may have.`,
})

/** A file that is not there and one that is not the sender's to give away: the same answer. */
export const AttachmentRefused = defineError<{ field: string; file: string }>({
  code: 'mail/attachment-refused',
  status: 403,
  excType: 'PermissionError',
  message: ({ file }) => `You cannot attach the file ${file}.`,
})

/** A mailbox that cannot be read just now, or does not let us in. */
export const MailboxFailed = defineError<{ account: string; reason: string }>({
  code: 'mail/mailbox-failed',
  status: 503,
  excType: 'ServiceUnavailableError',
  message: ({ account, reason }) => `The mailbox of ${account} cannot be read: ${reason}.`,
})

export const UnsubscribeLinkInvalid = defineError({
  code: 'mail/unsubscribe-link-invalid',
  status: 417,
  excType: 'ValidationError',
  message: () => 'This link is not valid any more.',
})
