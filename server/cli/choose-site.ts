import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SiteUnreadable } from '#kernel/sites/errors.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
import { SiteNotChosen } from './errors.ts'

/** The site a command is about: the one named, else `default_site` of common_site_config.json, else the only one. @throws SiteNotChosen */
export async function chooseSite(runtime: Runtime, named: string | undefined): Promise<string> {
  if (named) return named
  const hosts = runtime.hosts()
  const preset = defaultSite(runtime.sitesFolder)
  if (preset) return preset
  if (hosts.length === 1) return hosts[0] as string
  throw new SiteNotChosen({ hosts })
}

/** `default_site` of the folder's common_site_config.json; undefined where none is set. @throws SiteUnreadable */
export function defaultSite(sitesFolder: string): string | undefined {
  const file = join(sitesFolder, 'common_site_config.json')
  if (!existsSync(file)) return undefined
  try {
    const { default_site: host } = JSON.parse(readFileSync(file, 'utf8')) as { default_site?: unknown }
    return typeof host === 'string' && host !== '' ? host : undefined
  } catch (cause) {
    throw new SiteUnreadable({ folder: 'common_site_config.json', reason: (cause as Error).message }, { cause })
  }
}
