import { defineError } from '#client/rules/errors.ts'

export const ModelUnknown = defineError<{ model: string }>({
  code: 'language-models/unknown',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `There is no enabled language model "${d.model}".`,
})

/** `scope`: `site`, or the organization. */
export const BudgetSpent = defineError<{ scope: string; what: 'tokens' | 'money' }>({
  code: 'language-models/budget-spent',
  status: 429,
  excType: 'ValidationError',
  message: (d) =>
    `The ${d.what} that ${d.scope === 'site' ? 'the site' : d.scope} may spend on language models today would not be enough for this.`,
})

export const QuestionInvalid = defineError<{ field: string; reason: string }>({
  code: 'language-models/question-invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `This cannot be asked: ${d.reason}`,
})

/** The answer does not fit the schema, also after it was sent back once. */
export const AnswerUnusable = defineError<{ model: string; reason: string }>({
  code: 'language-models/answer-unusable',
  status: 502,
  excType: 'ValidationError',
  message: (d) => `The answer of ${d.model} cannot be used: ${d.reason}`,
})

/** What rules without a model can do does not reach that far. */
export const OfflineCannot = defineError<{ reason: string }>({
  code: 'language-models/offline-cannot',
  status: 501,
  excType: 'ValidationError',
  message: (d) => `The offline rules cannot answer this: ${d.reason}`,
})
