import { parse, serialize } from 'cookie'
import type { Context } from '#kernel/context/context.ts'
import { sessionEndKey, type SessionStart, sessionStartKey } from '#kernel/identity/session-cookies.ts'

/** The session id that the browser sent; undefined when it sent none. */
export function sidOf(header: string | undefined): string | undefined {
  if (!header?.includes('sid=')) return undefined
  return parse(header).sid
}

/** What Frappe's clients read from script; the sid is not among them. */
const readable = ['system_user', 'full_name', 'user_id', 'user_image', 'user_lang']

/** The Set-Cookie headers that the work asked for; undefined when it asked for none. */
export function sessionCookies(ctx: Context, secure: boolean): string[] | undefined {
  const start = ctx.memo.get(sessionStartKey) as SessionStart | undefined
  if (start) {
    const shared = { path: '/', sameSite: 'lax', secure, expires: new Date(start.expires) } as const
    const values = [start.isSystemUser ? 'yes' : 'no', start.fullName, start.user, start.userImage, start.language]
    return [
      serialize('sid', start.sid, { ...shared, httpOnly: true }),
      ...readable.map((name, index) => serialize(name, values[index] ?? '', shared)),
    ]
  }
  if (!ctx.memo.has(sessionEndKey)) return undefined
  const gone = { path: '/', sameSite: 'lax', secure, expires: new Date(0) } as const
  return [serialize('sid', '', { ...gone, httpOnly: true }), ...readable.map((name) => serialize(name, '', gone))]
}
