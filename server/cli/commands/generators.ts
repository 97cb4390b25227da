import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDoctypeName } from '#client/rules/formats.ts'
import { AppMissing } from '#kernel/apps/errors.ts'
import { newAppFiles } from '#kernel/generate/new-app.ts'
import { newDoctypeFiles } from '#kernel/generate/new-doctype.ts'
import type { GeneratedFile } from '#kernel/generate/generated-file.ts'
import { folderName, titled } from '#kernel/generate/names.ts'
import { type Call, type Command, one, type Outcome, word } from '../command.ts'
import { BadUsage, TargetExists } from '../errors.ts'

const folderOption = { value: 'FOLDER', summary: 'folder that holds the apps; default: apps/ of this installation' }

export const generatorCommands: readonly Command[] = [
  {
    name: 'new-app',
    summary: 'Write the files of a new app, with a test that passes',
    arguments: [{ name: 'NAME', summary: 'lower case letters, digits and hyphens' }],
    options: { folder: folderOption },
    example: 'orc new-app field-service',
    run: newApp,
  },
  {
    name: 'new-doctype',
    summary: 'Write the files of a new DocType, with a test that passes',
    arguments: [
      { name: 'APP', summary: 'the app it belongs to' },
      { name: 'NAME', summary: 'what people call one of them, such as "Site Visit"' },
    ],
    options: { folder: folderOption, role: { value: 'ROLE', summary: "who may work with it; default: the app's own role" } },
    example: 'orc new-doctype sample "Spare Part"',
    run: newDoctype,
  },
]

async function newApp(call: Call): Promise<Outcome> {
  const name = word(call, 'NAME')
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw new BadUsage({ reason: `An app's name has lower case letters, digits and hyphens, not "${name}".` })
  const { apps } = await call.runtime()
  const folder = join(appsFolder(call), name)
  if (apps.has(name) || existsSync(folder)) throw new TargetExists({ path: folder })
  return write(folder, newAppFiles(name))
}

async function newDoctype(call: Call): Promise<Outcome> {
  const app = word(call, 'APP')
  const name = word(call, 'NAME').trim()
  if (!isDoctypeName(name) || folderName(name) === '')
    throw new BadUsage({ reason: `"${name}" cannot name a DocType: letters, digits and spaces, at most 61 bytes.` })
  const folder = join(appsFolder(call), app)
  if (!existsSync(join(folder, 'app.ts'))) throw new AppMissing({ app, neededBy: '' })
  const { apps } = await call.runtime()
  if (apps.appOf(name)) throw new TargetExists({ path: `DocType ${name}` })
  const files = newDoctypeFiles({ app, name, role: one(call.options, 'role') ?? (await ownRole(folder, app)) })
  const taken = files.map(({ path }) => join(folder, path)).find((path) => existsSync(path))
  if (taken) throw new TargetExists({ path: taken })
  return write(folder, files)
}

/** The first role that the app brings. */
async function ownRole(folder: string, app: string): Promise<string> {
  const { loadApp } = await import('#kernel/apps/load.ts')
  const [role] = (await loadApp(resolve(folder))).roles ?? []
  if (role === undefined) return 'System Manager'
  return typeof role === 'string' ? role : (role.name ?? `${titled(app)} User`)
}

function appsFolder(call: Call): string {
  return resolve(one(call.options, 'folder') ?? fileURLToPath(new URL('../../../apps', import.meta.url)))
}

async function write(folder: string, files: readonly GeneratedFile[]): Promise<Outcome> {
  for (const { path, text } of files) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    // Never over what is there, even if it came this very moment.
    await writeFile(file, text, { flag: 'wx' })
  }
  const written = files.map(({ path }) => relative(process.cwd(), join(folder, path)))
  return { value: { written }, text: [...written, '', `Test it: npm test ${relative(process.cwd(), folder)}`].join('\n') }
}
