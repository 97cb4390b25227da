import { defineError } from '#client/rules/errors.ts'

export const JobUnknown = defineError<{ job: string }>({
  code: 'jobs/unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `No installed app has a job "${d.job}".`,
})

export const JobNotFound = defineError<{ job: string }>({
  code: 'jobs/not-found',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `There is no job ${d.job}.`,
})

export const BadJob = defineError<{ field: string; reason: string }>({
  code: 'jobs/bad-job',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The job cannot be enqueued: ${d.reason}`,
})

export const JobStateWrong = defineError<{ job: string; state: string; verb: string }>({
  code: 'jobs/state',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `Job ${d.job} is ${d.state}; it cannot be ${d.verb}.`,
})

export const JobFenced = defineError<{ job: string }>({
  code: 'jobs/fenced',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `Job ${d.job} was cancelled or taken over by another worker; what this run wanted to write is refused.`,
})

export const JobTimedOut = defineError<{ job: string; seconds: number }>({
  code: 'jobs/timed-out',
  status: 504,
  excType: 'JobTimeoutException',
  message: (d) => `Job ${d.job} took longer than ${d.seconds} s.`,
})

export const StepRefused = defineError<{ step: string; reason: string }>({
  code: 'jobs/step',
  status: 500,
  excType: 'ValidationError',
  message: (d) => `Step "${d.step}" cannot run: ${d.reason}`,
})

export const WorkerLost = defineError<{ job: string; times: number }>({
  code: 'jobs/worker-lost',
  status: 500,
  excType: 'ValidationError',
  message: (d) => `The worker of job ${d.job} vanished ${d.times} times. It is not tried again by itself, in case it is the cause.`,
})
