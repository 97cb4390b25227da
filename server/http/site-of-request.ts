import type { IncomingHttpHeaders } from 'node:http'
import { SiteNotFound } from '#kernel/sites/errors.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
import type { Site } from '#kernel/sites/site.ts'
import { HostUnknown } from './errors.ts'

/** What this needs of the process: its sites by host. */
export type Sites = Pick<Runtime, 'hosts' | 'has' | 'site'>

export interface SiteChoice {
  /** Serve this site only, whatever the request says. */
  site?: string
  /** The site for hosts that are none; default: the only site of the process. */
  defaultSite?: string
}

/** How long the answer of the file system to "which site is this host?" is believed, in milliseconds. */
const believed = 1000
const mostHosts = 1000

/**
 * Finds the site of a request: the one named by X-Frappe-Site-Name, else by Host, else the default or only one.
 * The returned function throws HostUnknown.
 */
export function siteFinder(sites: Sites, choice: SiteChoice): (headers: IncomingHttpHeaders) => Promise<Site> {
  const known = new Map<string, { name: string; until: number }>()
  const nameOf = (headers: IncomingHttpHeaders): string => {
    const named = headers['x-frappe-site-name']
    const key = `${typeof named === 'string' ? named : ''}\n${headers.host ?? ''}`
    const found = known.get(key)
    if (found && found.until > Date.now()) return found.name
    const name = siteName(sites, choice, typeof named === 'string' ? named : undefined, headers.host)
    if (known.size >= mostHosts) known.clear()
    known.set(key, { name, until: Date.now() + believed })
    return name
  }
  return async (headers) => {
    if (choice.site) return sites.site(choice.site)
    try {
      return await sites.site(nameOf(headers))
    } catch (error) {
      if (!SiteNotFound.is(error)) throw error
      // Dropped a moment ago; another may answer to this host now.
      known.clear()
      return sites.site(nameOf(headers))
    }
  }
}

function siteName(sites: Sites, choice: SiteChoice, named: string | undefined, host: string | undefined): string {
  for (const candidate of [hostOf(named), hostOf(host)]) if (candidate && sites.has(candidate)) return candidate
  if (choice.defaultSite && sites.has(choice.defaultSite)) return choice.defaultSite
  const all = sites.hosts()
  if (all.length === 1) return all[0] as string
  throw new HostUnknown({ host: hostOf(host).slice(0, 100) })
}

/** The name in a Host header, without port. */
function hostOf(header: string | undefined): string {
  return (header ?? '').trim().replace(/:\d+$/, '').toLowerCase()
}
