import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { SiteConfig } from './site.ts'

/** Writes site_config.json so that a reader sees the old or the new one, never half; only the owner may read it. */
export async function writeConfig(folder: string, config: Readonly<SiteConfig>): Promise<void> {
  const file = join(folder, 'site_config.json')
  const draft = `${file}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
  await rename(draft, file)
}
