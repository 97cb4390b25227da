import { defineError } from '#client/rules/errors.ts'

export const ScheduleNotFound = defineError<{ name: string }>({
  code: 'schedule/not-found',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `No installed app has a schedule "${d.name}".`,
})
