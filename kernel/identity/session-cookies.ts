import type { Context, Principal } from '#kernel/context/context.ts'
import type { Session } from './sessions.ts'

/** What the HTTP layer turns into the cookies `sid`, `system_user`, `full_name`, `user_id`, `user_image` and `user_lang`. */
export interface SessionStart {
  readonly sid: string
  readonly user: string
  readonly fullName: string
  readonly isSystemUser: boolean
  readonly userImage: string
  readonly language: string
  /** Milliseconds since 1970 at which an idle session ends. */
  readonly expires: number
}

/** Keys of `ctx.memo` under which a handler tells the HTTP layer to set or clear the cookies; valid once the work is committed. */
export const sessionStartKey = 'session:start'
export const sessionEndKey = 'session:end'

/** Asks for the cookies of a new session. */
export function announceSession(ctx: Context, opened: { sid: string; session: Session }, principal: Principal, userImage = ''): void {
  const start: SessionStart = {
    sid: opened.sid,
    user: principal.name,
    fullName: principal.fullName,
    isSystemUser: principal.userType === 'System User',
    userImage,
    language: principal.language,
    expires: opened.session.expires,
  }
  ctx.memo.set(sessionStartKey, start)
}

/** Asks for the cookies to be cleared. */
export function announceSessionEnd(ctx: Context): void {
  ctx.memo.set(sessionEndKey, true)
}
