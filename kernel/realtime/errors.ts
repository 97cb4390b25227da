import { defineError } from '#client/rules/errors.ts'

export const RoomUnknown = defineError<{ room: string }>({
  code: 'realtime/room-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `There is no room ${d.room} to listen in.`,
})

export const TooManyRooms = defineError<{ limit: number }>({
  code: 'realtime/too-many-rooms',
  status: 429,
  excType: 'TooManyRequestsError',
  message: (d) => `A connection listens to at most ${d.limit} things.`,
})

export const TargetMissing = defineError<{ event: string }>({
  code: 'realtime/target-missing',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The live event ${d.event} names nobody who is to hear it.`,
})

export const TooManyConnections = defineError<{ limit: number }>({
  code: 'realtime/too-many-connections',
  status: 429,
  excType: 'TooManyRequestsError',
  message: (d) => `At most ${d.limit} live connections are open for one user at a time.`,
})
