import { defineError } from '#client/rules/errors.ts'

/** A value of the wrong kind or form. `expected` completes the sentence "must be …". */
export const BadValue = defineError<{ field: string; label: string; expected: string }>({
  code: 'field/bad-value',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.label} must be ${d.expected}.`,
})

export const TooLong = defineError<{ field: string; label: string; limit: number; length: number }>({
  code: 'field/too-long',
  status: 417,
  excType: 'CharacterLengthExceededError',
  message: (d) => `${d.label} has ${d.length} characters; at most ${d.limit} are allowed.`,
})

export const NotAnOption = defineError<{ field: string; label: string; value: string; options: string[] }>({
  code: 'field/not-an-option',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.label} cannot be “${d.value}”. It should be one of ${d.options.map((option) => `“${option}”`).join(', ')}.`,
})

export const NegativeValue = defineError<{ field: string; label: string }>({
  code: 'field/negative-value',
  status: 417,
  excType: 'NonNegativeError',
  message: (d) => `${d.label} cannot be negative.`,
})
