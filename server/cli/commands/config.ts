import { clearCaches } from '#kernel/cache/operate.ts'
import { existsSync, readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isSecretKey, redactText } from '#kernel/audit/redact.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { writeConfig } from '#kernel/sites/config-file.ts'
import { readConfig } from '#kernel/sites/open-site.ts'
import type { SiteConfig } from '#kernel/sites/site.ts'
import { type Call, type Command, one, type Outcome, word } from '../command.ts'
import { BadUsage, NotConfirmed } from '../errors.ts'
import { examine } from '../doctor.ts'

export const configCommands: readonly Command[] = [
  {
    name: 'set-config',
    summary: 'Set a key of site_config.json; a running server sees it at once',
    arguments: [
      { name: 'KEY', summary: 'such as max_file_size' },
      { name: 'VALUE', summary: 'JSON where it reads as JSON, else text', optional: true },
    ],
    options: {
      text: { summary: 'take the value as text whatever it looks like' },
      remove: { summary: 'remove the key' },
      common: { summary: 'set it in common_site_config.json, such as default_site' },
      force: { summary: 'also a key that the site cannot live without' },
    },
    onSite: true,
    example: 'orc set-config max_file_size 10485760 --site crm.example.com',
    run: setConfig,
  },
  {
    name: 'show-config',
    summary: 'Show site_config.json with its secrets masked',
    arguments: [],
    options: {},
    onSite: true,
    example: 'orc show-config --site crm.example.com',
    run: showConfig,
  },
  {
    name: 'clear-cache',
    summary: 'Make every process forget what it derived from definitions, rights and settings',
    arguments: [],
    options: {},
    onSite: true,
    example: 'orc clear-cache --site crm.example.com',
    run: clearCache,
  },
  {
    name: 'doctor',
    summary: 'Look for what is wrong with this machine and its sites',
    arguments: [],
    options: { site: { value: 'HOST', summary: 'only this site' } },
    example: 'orc doctor --json',
    run: doctor,
  },
  {
    name: 'version',
    summary: 'Print the versions of Orchestrator, its apps and Node',
    arguments: [],
    options: {},
    example: 'orc version --json',
    run: version,
  },
]

/** Keys whose loss or change makes a site unreachable or its secrets unreadable. */
const vital = new Set(['db_type', 'db_url', 'db_name', 'db_server', 'db_names', 'encryption_key', 'installed_apps'])

async function setConfig(call: Call): Promise<Outcome> {
  const key = word(call, 'KEY')
  const given = one(call.words, 'VALUE')
  const isRemoval = call.switches.has('remove')
  if (isRemoval === (given !== undefined)) throw new BadUsage({ reason: 'set-config needs either a VALUE or --remove.' })
  if (!/^[a-z][a-z0-9_]*$/i.test(key) || key === 'constructor')
    throw new BadUsage({ reason: `"${key}" cannot be a key of the configuration.` })
  const value = given === undefined ? undefined : call.switches.has('text') ? given : readValue(given)
  if (call.switches.has('common')) await setCommon(call, key, value)
  else {
    if (vital.has(key) && !call.switches.has('force'))
      throw new NotConfirmed({ what: `${key} decides whether the site can be opened at all.` })
    const site = await call.site()
    const config: SiteConfig = { ...readConfig(site.folder), [key]: value }
    await writeConfig(site.folder, config)
    await site.asSystem('set-config on the command line', (ctx) => bumpEpoch(ctx, 'config'))
  }
  const shown = value === undefined ? undefined : masked(key, value)
  return { value: { key, value: shown ?? null }, text: isRemoval ? `${key} is removed.` : `${key} is ${JSON.stringify(shown)}.` }
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

async function setCommon(call: Call, key: string, value: unknown): Promise<void> {
  const { sitesFolder } = await call.runtime()
  const file = join(sitesFolder, 'common_site_config.json')
  const config = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : {}
  await writeFile(`${file}.new`, `${JSON.stringify({ ...config, [key]: value }, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

async function showConfig(call: Call): Promise<Outcome> {
  const site = await call.site()
  const shown = Object.fromEntries(Object.entries(site.config).map(([key, value]) => [key, masked(key, value)]))
  return {
    value: shown,
    text: Object.entries(shown)
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
      .join('\n'),
  }
}

function masked(key: string, value: unknown): unknown {
  if (isSecretKey(key)) return '********'
  if (typeof value === 'string') return redactText(value)
  if (Array.isArray(value)) return value.map((item) => masked('', item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(name, item)]))
}

async function clearCache(call: Call): Promise<Outcome> {
  const site = await call.site()
  await site.asSystem('clear-cache on the command line', async (ctx) => {
    for (const kind of ['meta', 'access', 'config'] as const) await bumpEpoch(ctx, kind)
    await clearCaches(ctx)
  })
  return { value: { site: site.host, cleared: true }, text: `Every process reads ${site.host} afresh.` }
}

async function doctor(call: Call): Promise<Outcome> {
  const findings = await examine(await call.runtime(), one(call.options, 'site'))
  const faults = findings.filter(({ state }) => state === 'fault').length
  const marks = { well: '✓', notice: '!', fault: '✗' } as const
  return {
    value: { healthy: faults === 0, findings },
    text: findings.map(({ state, about, text }) => `${marks[state]} ${about}: ${text}`).join('\n'),
    exitCode: faults === 0 ? 0 : 1,
  }
}

async function version(call: Call): Promise<Outcome> {
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
  const { apps } = await call.runtime()
  const versions = Object.fromEntries(apps.all.map((app) => [app.name, app.version]))
  return {
    value: { orchestrator: manifest.version, node: process.versions.node, apps: versions },
    text: [
      `orchestrator ${manifest.version}`,
      `node ${process.versions.node}`,
      ...Object.entries(versions).map((entry) => entry.join(' ')),
    ].join('\n'),
  }
}
