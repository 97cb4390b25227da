import { defineError } from '#client/rules/errors.ts'

export const SagaUnknown = defineError<{ saga: string }>({
  code: 'saga/unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `No installed app declares a saga "${d.saga}".`,
})

export const SagaInvalid = defineError<{ field: string; reason: string }>({
  code: 'saga/invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The saga cannot be started: ${d.reason}`,
})

export const SagaStateWrong = defineError<{ saga: string; state: string; verb: string }>({
  code: 'saga/state',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `Saga ${d.saga} is ${d.state}; it cannot be ${d.verb}.`,
})

/** A step's own failure on its way out of the unit of work, so that what the step wrote is undone. Never leaves the saga. */
export class StepFailed extends Error {
  readonly step: string

  constructor(step: string, cause: unknown) {
    super(`Step ${step} failed.`, { cause })
    this.step = step
  }
}

/** Another job drives the saga by now: whoever meets this ends without a word. Never leaves the saga. */
export class HandedOver extends Error {}
