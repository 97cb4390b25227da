import { defineError } from './errors.ts'

interface Place {
  /** Offset of the fault in the source, counted in characters from 0. */
  position: number
}

const refusal = { status: 417, excType: 'ValidationError' } as const

export const ExpressionSyntax = defineError<Place & { reason: string }>({
  code: 'expression/syntax',
  ...refusal,
  message: (d) => `The expression cannot be read at character ${d.position + 1}: ${d.reason}.`,
})

export const ExpressionNotAllowed = defineError<Place & { what: string }>({
  code: 'expression/not-allowed',
  ...refusal,
  message: (d) => `“${d.what}” at character ${d.position + 1} is not allowed in an expression.`,
})

export const ExpressionTooLong = defineError<{ length: number; limit: number }>({
  code: 'expression/too-long',
  ...refusal,
  message: (d) => `An expression may have ${d.limit} characters; this one has ${d.length}.`,
})

export const ExpressionTooDeep = defineError<Place & { limit: number }>({
  code: 'expression/too-deep',
  ...refusal,
  message: (d) => `The expression is nested deeper than ${d.limit} levels.`,
})

export const ExpressionStepBudget = defineError<{ steps: number }>({
  code: 'expression/step-budget',
  ...refusal,
  message: (d) => `The expression needs more than ${d.steps} steps.`,
})
