import { createSite, dropSite } from '#kernel/sites/create-site.ts'
import { migrateSite, planMigration, type Migration } from '#kernel/sites/migrate.ts'
import { type Call, type Command, list, one, type Outcome, word } from '../command.ts'
import { BadUsage, NotConfirmed } from '../errors.ts'
import { newPassword, readPassword } from '../secret-input.ts'

const databaseTypes = ['sqlite', 'postgres', 'mariadb'] as const
type DatabaseType = (typeof databaseTypes)[number]

export const siteCommands: readonly Command[] = [
  {
    name: 'new-site',
    summary: 'Make a site: its folder, database, tables and first users',
    arguments: [{ name: 'HOST', summary: 'the host name under which it is reached' }],
    options: {
      'admin-password': {
        value: 'PASSWORD',
        summary: 'of Administrator; "-" reads it from standard input, ORC_ADMIN_PASSWORD sets it too; default: a random one, printed',
      },
      'db-type': { value: 'TYPE', summary: `${databaseTypes.join(', ')} (default: what --db-url says, else sqlite)` },
      'db-url': { value: 'URL', summary: 'a server on which the site gets a database and a user of its own; ORC_DB_URL sets it too' },
      'db-name': { value: 'NAME', summary: 'take this database, which exists, with the user of --db-url' },
      'install-app': { value: 'APP', summary: 'install these apps too', many: true },
    },
    example: 'orc new-site crm.example.com --admin-password - --install-app sample < password.txt',
    run: newSite,
  },
  {
    name: 'drop-site',
    summary: 'Remove a site with its database and files',
    arguments: [{ name: 'HOST', summary: 'the site' }],
    options: { force: { summary: 'really; nothing is asked' } },
    example: 'orc drop-site old.example.com --force',
    run: dropOne,
  },
  {
    name: 'list-sites',
    summary: 'List the sites of the folder',
    arguments: [],
    options: {},
    example: 'orc list-sites --json',
    async run(call) {
      const hosts = (await call.runtime()).hosts()
      return { value: hosts, text: hosts.join('\n') || 'There is no site yet.' }
    },
  },
  {
    name: 'migrate',
    summary: 'Bring a site to what the code of its apps says: patches, tables, definitions, fixtures',
    arguments: [],
    options: {
      plan: { summary: 'only tell what would be done' },
      'allow-data-loss': { summary: 'drop columns that no field has any more, cut texts that are too long' },
    },
    onSite: true,
    example: 'orc migrate --plan --site crm.example.com',
    run: migrate,
  },
]

async function newSite(call: Call): Promise<Outcome> {
  const url = one(call.options, 'db-url') ?? call.terminal.env.ORC_DB_URL
  const dbType = databaseType(one(call.options, 'db-type'), url)
  if (dbType !== 'sqlite' && !url)
    throw new BadUsage({ reason: `--db-type ${dbType} needs --db-url: the server on which the database is made.` })
  const given = await readPassword(call, 'admin-password', 'ORC_ADMIN_PASSWORD')
  const adminPassword = given ?? newPassword()
  const dbName = one(call.options, 'db-name')
  const { site, administrator } = await createSite(await call.runtime(), {
    host: word(call, 'HOST'),
    adminPassword,
    dbType,
    ...(url && dbType !== 'sqlite' ? { dbUrl: url } : {}),
    ...(dbName ? { dbName } : {}),
    installApps: list(call, 'install-app'),
  })
  const keys = { api_key: administrator.api_key, api_secret: administrator.api_secret }
  return {
    value: { site: site.host, administrator: given === undefined ? { ...keys, password: adminPassword } : keys },
    text: [
      `Site ${site.host} is ready, with ${site.apps.all.map((app) => app.name).join(', ')}.`,
      ...(given === undefined ? [`Administrator's password: ${adminPassword}`] : []),
      `Administrator's API key:  ${keys.api_key}:${keys.api_secret}`,
      `Start it:                 orc start --site ${site.host} --port 8000`,
    ].join('\n'),
  }
}

function databaseType(given: string | undefined, url: string | undefined): DatabaseType {
  if (given !== undefined) {
    const known = databaseTypes.find((type) => type === given)
    if (!known) throw new BadUsage({ reason: `--db-type is one of ${databaseTypes.join(', ')}, not "${given}".` })
    return known
  }
  if (url === undefined) return 'sqlite'
  if (/^postgres(ql)?:\/\//.test(url)) return 'postgres'
  if (/^(mysql|mariadb):\/\//.test(url)) return 'mariadb'
  throw new BadUsage({ reason: '--db-url begins with postgres:// or mysql://.' })
}

async function dropOne(call: Call): Promise<Outcome> {
  const host = word(call, 'HOST')
  const runtime = await call.runtime()
  if (runtime.has(host) && !call.switches.has('force'))
    throw new NotConfirmed({ what: `Site ${host}, its database and its files would be gone for good.` })
  await dropSite(runtime, host)
  return { value: { site: host, dropped: true }, text: `Site ${host} is gone.` }
}

async function migrate(call: Call): Promise<Outcome> {
  const site = await call.site()
  const options = { allowDataLoss: call.switches.has('allow-data-loss') }
  const isPlan = call.switches.has('plan')
  const migration = isPlan ? await planMigration(site, options) : await migrateSite(site, options)
  return { value: { site: site.host, planned: isPlan, ...migration }, text: migrationText(migration, isPlan) }
}

function migrationText({ definitions, schema, patches }: Migration, isPlan: boolean): string {
  const lines = [
    ...patches.map((id) => `patch       ${id}`),
    ...definitions.map((name) => `definition  ${name}`),
    ...schema.map((line) => `table       ${line}`),
  ]
  if (lines.length === 0) return isPlan ? 'Nothing to do.' : 'Everything was up to date.'
  return [isPlan ? 'To do:' : 'Done:', ...lines.map((line) => `  ${line}`)].join('\n')
}
