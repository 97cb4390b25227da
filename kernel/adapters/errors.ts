import { defineError } from '#client/rules/errors.ts'

export const AdapterUnknown = defineError<{ field: string; adapter: string }>({
  code: 'adapters/unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `No installed app declares an adapter "${d.adapter}".`,
})

export const AdapterRefused = defineError<{ field: string; reason: string }>({
  code: 'adapters/refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The records cannot be taken over: ${d.reason}`,
})

export const AdapterBusy = defineError<{ connection: string; run: string }>({
  code: 'adapters/busy',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.connection} is at work already (${d.run}).`,
})

export const AdapterStateWrong = defineError<{ name: string; state: string; verb: string }>({
  code: 'adapters/state',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.name} is ${d.state}; it cannot be ${d.verb}.`,
})
