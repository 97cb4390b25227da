import type { Socket } from 'socket.io'
import { AppError } from '#client/rules/errors.ts'
import type { Hub } from '#kernel/realtime/hub.ts'
import { rooms } from '#kernel/realtime/event.ts'
import type { Member } from '#kernel/realtime/member.ts'
import type { Site } from '#kernel/sites/site.ts'
import { TooManyWords, WordsMalformed } from './errors.ts'

/** What is answered to a client that wants an answer. */
type Reply = { ok: true } | { ok: false; code: string; message: string }
type Verb = (first: string, second: string) => Promise<void> | void

const longestName = 300
/** A page that reconnects says again what it listens to. */
const mostWords = 2_000
const wordsWindowMs = 10_000

/** Gives a connection its vocabulary: the events that Frappe's clients send, and `room_subscribe` for the rooms of apps. */
export function listenTo(socket: Socket, site: Site, hub: Hub, member: Member): void {
  const one: Record<string, Verb> = {
    doctype_subscribe: (doctype) => hub.joinDoctype(member, doctype),
    doctype_unsubscribe: (doctype) => hub.leave(member, rooms.doctype, doctype),
    task_subscribe: (id) => hub.joinTask(member, id),
    task_unsubscribe: (id) => hub.leave(member, rooms.task, id),
    progress_subscribe: (id) => hub.joinTask(member, id),
    room_subscribe: (room) => hub.joinRoom(member, room),
    room_unsubscribe: (room) => hub.leave(member, () => room, room),
  }
  const two: Record<string, Verb> = {
    doc_subscribe: (doctype, name) => hub.joinDocument(member, doctype, name),
    doc_unsubscribe: (doctype, name) => hub.leave(member, (canonical) => rooms.document(canonical, name), doctype),
    doc_open: (doctype, name) => hub.open(member, doctype, name),
    doc_close: (doctype, name) => hub.close(member, doctype, name),
  }
  const take = (event: string, verb: Verb, count: number): void => {
    socket.on(event, (...given: unknown[]) => {
      const reply = given.find((part) => typeof part === 'function') as ((answer: Reply) => void) | undefined
      const names = given.slice(0, count)
      const done = async (): Promise<void> => {
        if (!names.every(isName) || names.length < count) throw new WordsMalformed({ event })
        await verb(String(names[0]), String(names[1]))
      }
      done().then(
        () => reply?.({ ok: true }),
        (error: unknown) => reply?.(refusal(error, site)),
      )
    })
  }
  for (const [event, verb] of Object.entries(one)) take(event, verb, 1)
  for (const [event, verb] of Object.entries(two)) take(event, verb, 2)
  socket.on('ping', () => void socket.emit('pong'))
  let words = 0
  let since = Date.now()
  socket.use((_word, next) => {
    if (Date.now() - since > wordsWindowMs) {
      words = 0
      since = Date.now()
    }
    if (++words <= mostWords) return next()
    socket.disconnect(true)
    return next(new TooManyWords({ limit: mostWords }))
  })
  // A word that is refused above must not end the process.
  socket.on('error', (error) => site.log.debug({ err: error }, 'a live connection said too much'))
}

function isName(part: unknown): boolean {
  return (typeof part === 'string' && part !== '' && part.length <= longestName) || (typeof part === 'number' && Number.isSafeInteger(part))
}

function refusal(error: unknown, site: Site): Reply {
  if (error instanceof AppError && error.status < 500) return { ok: false, code: error.code, message: error.message }
  site.log.error({ err: error }, 'a live connection could not be served')
  return { ok: false, code: 'server/failed', message: 'It could not be done.' }
}
