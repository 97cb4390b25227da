import type { IncomingHttpHeaders } from 'node:http'
import type { Site } from '#kernel/sites/site.ts'
import { corsHeaders } from '#server/http/headers.ts'

/**
 * Whether a page of this origin may connect, and whether its cookies count. Pages of the same host name may, on whatever port: cookies do not
 * tell ports apart either. Other origins need `allow_cors`, and those that only `*` admits are without cookies. Programs send no Origin.
 */
export function originRights(site: Site, headers: IncomingHttpHeaders): 'all' | 'without-cookies' | 'none' {
  const { origin } = headers
  if (origin === undefined) return 'all'
  if (isSameHost(origin, headers.host)) return 'all'
  const cors = corsHeaders(site, headers)
  if (!cors) return 'none'
  return cors['access-control-allow-credentials'] === 'true' ? 'all' : 'without-cookies'
}

function isSameHost(origin: string, host: string | undefined): boolean {
  if (!host || !URL.canParse(origin) || !URL.canParse(`http://${host}`)) return false
  const { protocol, hostname } = new URL(origin)
  return (protocol === 'http:' || protocol === 'https:') && hostname === new URL(`http://${host}`).hostname
}
