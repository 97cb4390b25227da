import { installApp, uninstallApp } from '#kernel/sites/create-site.ts'
import { type Call, type Command, type Outcome, word } from '../command.ts'

export const appCommands: readonly Command[] = [
  {
    name: 'list-apps',
    summary: 'List the apps of a site, or with --all those that are there to install',
    arguments: [],
    options: { all: { summary: 'every app of this machine' } },
    onSite: true,
    example: 'orc list-apps --site crm.example.com',
    run: listApps,
  },
  {
    name: 'install-app',
    summary: 'Add apps, and those they require, to a site',
    arguments: [{ name: 'APP', summary: 'name of the app', many: true }],
    options: {},
    onSite: true,
    example: 'orc install-app sample --site crm.example.com',
    run: install,
  },
  {
    name: 'uninstall-app',
    summary: 'Take an app off a site; its tables and documents stay',
    arguments: [{ name: 'APP', summary: 'name of the app' }],
    options: {},
    onSite: true,
    example: 'orc uninstall-app sample --site crm.example.com',
    run: uninstall,
  },
]

async function listApps(call: Call): Promise<Outcome> {
  const apps = call.switches.has('all') ? (await call.runtime()).apps.all : (await call.site()).apps.all
  const rows = apps.map(({ name, version, title }) => ({ name, version, title }))
  const width = Math.max(...rows.map((row) => row.name.length))
  return { value: rows, text: rows.map((row) => `${row.name.padEnd(width)}  ${row.version}  ${row.title}`).join('\n') }
}

async function install(call: Call): Promise<Outcome> {
  const site = await call.site()
  const installed: string[] = []
  for (const name of call.words.APP ?? []) installed.push(...(await installApp(await call.runtime(), site.host, name)))
  return {
    value: { site: site.host, installed },
    text: installed.length > 0 ? `Installed: ${installed.join(', ')}.` : 'Installed already.',
  }
}

async function uninstall(call: Call): Promise<Outcome> {
  const site = await call.site()
  const name = word(call, 'APP')
  await uninstallApp(await call.runtime(), site.host, name)
  return { value: { site: site.host, uninstalled: name }, text: `${name} is off; its documents are still in the database.` }
}
