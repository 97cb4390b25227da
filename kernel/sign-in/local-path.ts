/**
 * Where to go after signing in: a path of this site, or `fallback`. Whatever a browser could read as another site is refused: schemes,
 * `//host`, backslashes, control characters that browsers drop, and what would only start the sign-in again.
 */
export function localPath(wanted: unknown, fallback: string): string {
  if (typeof wanted !== 'string' || wanted.length > 2000 || !wanted.startsWith('/')) return fallback
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get in
  if (/[\u0000-\u0020\u007f\\]/.test(wanted) || wanted.startsWith('//')) return fallback
  const base = 'http://site.invalid'
  if (!URL.canParse(wanted, base)) return fallback
  const url = new URL(wanted, base)
  if (url.origin !== base || url.pathname.startsWith('//') || url.pathname === '/login') return fallback
  return url.pathname + url.search + url.hash
}
