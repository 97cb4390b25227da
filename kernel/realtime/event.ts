import type { Context } from '#kernel/context/context.ts'

/** One message to one room, ready to be sent. */
export interface Frame {
  readonly room: string
  readonly event: string
  readonly message: unknown
}

/**
 * Who of a room may hear: those who may read the document (without a name: every document of the DocType), one user, whoever is in
 * the room (only where being in it is the right), or those whom the rule of an app's room admits.
 */
export type Audience =
  | { readonly readersOf: { readonly doctype: string; readonly name?: string } }
  | { readonly user: string }
  | { readonly inRoom: true }
  | { readonly room: string }

/** What happened, as it waits for delivery in this process or in the table for another. */
export interface LiveEvent {
  readonly frames: readonly Frame[]
  readonly audience: Audience
}

/** Who has a document open in another process. `asks`: that process wants to be told the same. */
export interface Presence {
  readonly from: string
  readonly doctype: string
  readonly name: string
  readonly users: readonly string[]
  readonly asks: boolean
}

/** Whether a user may be in a room of an app; `key` is what follows the first colon of the room's name. */
export type RoomRule = (ctx: Context, key: string) => Promise<boolean> | boolean

declare module '#kernel/apps/app.ts' {
  interface AppPart {
    /**
     * Rooms of live events by the part of their name before the first colon, such as `dispatch` for `dispatch:North`. The rule is asked
     * when somebody joins and again at each delivery.
     */
    rooms?: Readonly<Record<string, RoomRule>>
  }
}

/** The names of rooms, as Frappe's clients know them. */
export const rooms = {
  user: (name: string) => `user:${name}`,
  /** System users. */
  all: 'all',
  /** Everybody, visitors included. */
  website: 'website',
  doctype: (doctype: string) => `doctype:${doctype}`,
  document: (doctype: string, name: string) => `doc:${doctype}/${name}`,
  /** Those who have the document open, and want to know who else has. */
  open: (doctype: string, name: string) => `open_doc:${doctype}/${name}`,
  task: (id: string) => `task_progress:${id}`,
} as const
