import { defineError } from '#client/rules/errors.ts'

/** One answer for every way a sign-in can fail, so that nobody learns which accounts exist. */
export const InvalidLogin = defineError({
  code: 'identity/invalid-login',
  status: 401,
  excType: 'AuthenticationError',
  message: () => 'Invalid login credentials',
})

export const LockedOut = defineError<{ seconds: number }>({
  code: 'identity/locked-out',
  status: 429,
  excType: 'TooManyRequestsError',
  message: (d) => `Too many failed attempts. Sign-in is closed for another ${d.seconds} seconds.`,
})

export const InvalidCredential = defineError({
  code: 'identity/invalid-credential',
  status: 401,
  excType: 'AuthenticationError',
  message: () => 'The API key, secret or token is not valid.',
})

export const MalformedAuthorization = defineError<{ reason: string }>({
  code: 'identity/malformed-authorization',
  status: 400,
  excType: 'InvalidAuthorizationHeader',
  message: (d) => `The Authorization header cannot be read: ${d.reason}.`,
})

export const UnknownScheme = defineError<{ scheme: string }>({
  code: 'identity/unknown-scheme',
  status: 400,
  excType: 'InvalidAuthorizationPrefix',
  message: () => 'The Authorization header must begin with token, Basic or Bearer.',
})

export const InvalidCsrfToken = defineError({
  code: 'identity/invalid-csrf-token',
  status: 400,
  excType: 'CSRFTokenError',
  message: () => 'The request carries no valid CSRF token. Reload the page and try again.',
})

export const UserUnavailable = defineError<{ user: string }>({
  code: 'identity/user-unavailable',
  status: 401,
  excType: 'AuthenticationError',
  message: (d) => `User ${d.user} does not exist or is disabled.`,
})

export const InvalidOneTimeCode = defineError({
  code: 'identity/invalid-one-time-code',
  status: 401,
  excType: 'AuthenticationError',
  message: () => 'The verification code is not valid. Sign in again if it keeps being refused.',
})

export const ConfirmationNeeded = defineError<{ field: string }>({
  code: 'identity/confirmation-needed',
  status: 401,
  excType: 'AuthenticationError',
  message: () => 'Confirm this change with your current password.',
})

export const LinkUsedOrExpired = defineError({
  code: 'identity/link-expired',
  status: 410,
  excType: 'LinkExpired',
  message: () => 'This link has been used already or has expired. Ask for a new one.',
})

export const PasswordRefused = defineError<{ field: string; reason: string }>({
  code: 'identity/password-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `This password cannot be used: ${d.reason}.`,
})

export const NotSignedIn = defineError({
  code: 'identity/not-signed-in',
  status: 403,
  excType: 'PermissionError',
  message: () => 'Sign in first.',
})

export const NotYourAccount = defineError({
  code: 'identity/not-your-account',
  status: 403,
  excType: 'PermissionError',
  message: () => 'Only the person concerned or a System Manager may do this.',
})

export const ProtectedUser = defineError<{ user: string }>({
  code: 'identity/protected-user',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `User ${d.user} belongs to the platform and cannot be changed this way.`,
})

export const BadIdentityInput = defineError<{ field: string; reason: string }>({
  code: 'identity/bad-input',
  status: 417,
  excType: 'ValidationError',
  message: (d) => d.reason,
})

export const SignUpClosed = defineError({
  code: 'identity/sign-up-closed',
  status: 403,
  excType: 'PermissionError',
  message: () => 'This site does not accept sign-ups. Ask a System Manager for an invitation.',
})

/** The password was right, but the account may not be used from here or now. */
export const SignInRestricted = defineError<{ reason: string }>({
  code: 'identity/sign-in-restricted',
  status: 401,
  excType: 'AuthenticationError',
  message: (d) => `This account may not sign in ${d.reason}.`,
})

/** Sign-in keeps its count of failures outside the caller's transaction, so it cannot be part of one that already writes. */
export const SignInInsideTransaction = defineError({
  code: 'identity/sign-in-inside-transaction',
  status: 417,
  excType: 'ValidationError',
  message: () => 'Signing in and confirming a password cannot be part of a batch that changes data.',
})

export const SecretUnreadable = defineError<{ doctype: string; docname: string; fieldname: string }>({
  code: 'identity/secret-unreadable',
  status: 500,
  excType: 'InvalidEncryptionKey',
  message: (d) => `The secret ${d.fieldname} of ${d.doctype} ${d.docname} cannot be decrypted with this site's encryption key.`,
})
