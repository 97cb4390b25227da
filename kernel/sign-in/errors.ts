import { defineError } from '#client/rules/errors.ts'

/** Whatever went wrong between here and a provider; `reason` is a sentence's end that a person can act on and holds no secret. */
export const OutsideSignInFailed = defineError<{ provider: string; reason: string }>({
  code: 'sign-in/failed',
  status: 401,
  excType: 'AuthenticationError',
  message: (d) => `Signing in with ${d.provider} did not work: ${d.reason}. Try again, or sign in another way.`,
})

export const ProviderUnknown = defineError<{ field: string; provider: string }>({
  code: 'sign-in/provider-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `Nobody can sign in here with "${d.provider}".`,
})

/** The provider vouches for somebody whom nobody here knows. Says the same whether or not an account has that address. */
export const AccountNotLinked = defineError<{ provider: string }>({
  code: 'sign-in/account-not-linked',
  status: 403,
  excType: 'PermissionError',
  message: (d) =>
    `Your account at ${d.provider} belongs to no account here. Sign in another way and link it in your settings, or ask a System Manager.`,
})

/** Somebody else's account here has this identity already. */
export const IdentityTaken = defineError<{ provider: string }>({
  code: 'sign-in/identity-taken',
  status: 409,
  excType: 'DuplicateEntryError',
  message: (d) => `This account at ${d.provider} is linked to another account here.`,
})

export const SignInSettingsInvalid = defineError<{ field: string; reason: string }>({
  code: 'sign-in/settings-invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `These sign-in settings cannot be used: ${d.reason}`,
})
