import { PathMalformed } from './errors.ts'

/**
 * The parts of an address, decoded. A slash that is part of a name may be sent as `%2F` or as it is; which parts belong together is
 * for the route to say.
 * @throws PathMalformed for broken escapes, bytes that are no UTF-8, NUL
 */
export function splitPath(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) if (part !== '') parts.push(part.includes('%') ? decode(part) : part)
  return parts
}

function decode(part: string): string {
  let text: string
  try {
    text = decodeURIComponent(part)
  } catch {
    throw new PathMalformed({ field: 'path' })
  }
  if (text.includes('\0')) throw new PathMalformed({ field: 'path' })
  return text
}
