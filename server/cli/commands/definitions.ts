import { writeFile } from 'node:fs/promises'
import { AppMissing } from '#kernel/apps/errors.ts'
import { typesOf } from '#kernel/generate/types.ts'
import { type Call, type Command, one, type Outcome } from '../command.ts'
import { BadUsage } from '../errors.ts'

export const definitionCommands: readonly Command[] = [
  {
    name: 'doctype check',
    summary: 'Try every DocType JSON below the paths: load it, make its table, store, change and delete a document',
    arguments: [{ name: 'PATH', summary: 'files, or folders to search', many: true }],
    options: {
      'db-type': { value: 'TYPE', summary: 'sqlite, postgres or mariadb (default: what --db-url says, else sqlite)' },
      'db-url': { value: 'URL', summary: 'a server on which throwaway databases are made' },
      warnings: { summary: 'also print what is doubtful in the definitions (always there with --json)' },
    },
    example: 'orc doctype check apps/sample --json',
    run: check,
  },
  {
    name: 'types',
    summary: 'Write TypeScript interfaces for the DocTypes of an app, or of all apps',
    arguments: [],
    options: {
      app: { value: 'APP', summary: 'only those of this app' },
      out: { value: 'FILE', summary: 'write there; default: print' },
    },
    example: 'orc types --app sample --out types.ts',
    run: types,
  },
  {
    name: 'openapi',
    summary: "Print the OpenAPI 3.1 description of a site's API",
    arguments: [],
    options: { out: { value: 'FILE', summary: 'write there; default: print' } },
    onSite: true,
    example: 'orc openapi --site crm.example.com --out openapi.json',
    run: openapi,
  },
]

async function check(call: Call): Promise<Outcome> {
  const { checkDoctypes } = await import('../doctype-check/check.ts')
  const dbUrl = one(call.options, 'db-url')
  const dbType = one(call.options, 'db-type') ?? (dbUrl === undefined ? 'sqlite' : dbUrl.startsWith('postgres') ? 'postgres' : 'mariadb')
  if (dbType !== 'sqlite' && dbType !== 'postgres' && dbType !== 'mariadb')
    throw new BadUsage({ reason: `--db-type is sqlite, postgres or mariadb, not "${dbType}".` })
  if (dbType !== 'sqlite' && !dbUrl) throw new BadUsage({ reason: `--db-type ${dbType} needs --db-url.` })
  const report = await checkDoctypes(call.words.PATH ?? [], { dbType, ...(dbUrl ? { dbUrl } : {}) }, call.terminal.note)
  const lines = report.failed.map(({ file, error }) => `✗ ${file}\n    ${error}`)
  if (call.switches.has('warnings')) lines.push(...report.warnings.map(({ file, warning }) => `! ${file}\n    ${warning}`))
  return {
    value: report,
    text: [...lines, `${report.checked} checked, ${report.loaded} loaded, ${report.failed.length} failed.`].join('\n'),
    exitCode: report.failed.length > 0 ? 1 : 0,
  }
}

async function types(call: Call): Promise<Outcome> {
  const { apps } = await call.runtime()
  const name = one(call.options, 'app')
  const chosen = apps.all.filter((app) => name === undefined || app.name === name)
  if (name !== undefined && chosen.length === 0) throw new AppMissing({ app: name, neededBy: '' })
  const text = typesOf(chosen.flatMap((app) => app.doctypes))
  return written(call, text, { types: text })
}

async function openapi(call: Call): Promise<Outcome> {
  const { openApiDocument } = await import('#server/http/openapi.ts')
  const site = await call.site()
  const document = await site.asSystem('the description of the API', (ctx) => openApiDocument(ctx))
  return written(call, JSON.stringify(document, null, 2), document)
}

async function written(call: Call, text: string, value: unknown): Promise<Outcome> {
  const out = one(call.options, 'out')
  if (out === undefined) return { value, text: text.trimEnd() }
  await writeFile(out, text.endsWith('\n') ? text : `${text}\n`)
  return { value: { file: out }, text: `Written to ${out}.` }
}
