// node dev/docs.ts [--check]: writes docs/reference from the code, or tells where it and the other pages are out of step.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { proseComplaints } from './reference/prose.ts'
import { commandPage } from './reference/commands.ts'
import { errorPage } from './reference/errors.ts'
import { expressionPage } from './reference/expressions.ts'
import { fieldTypePage } from './reference/field-types.ts'
import { methodPage } from './reference/methods.ts'
import { propertyPage } from './reference/properties.ts'

const root = new URL('..', import.meta.url)
const folder = new URL('docs/reference/', root)

/** Every generated page by file name. */
const pages: Readonly<Record<string, () => string | Promise<string>>> = {
  'doctype-properties.md': propertyPage,
  'errors.md': () => errorPage(root),
  'cli.md': commandPage,
  'methods.md': () => methodPage(root),
  'field-types.md': fieldTypePage,
  'expressions.md': () => expressionPage(root),
}

const isCheck = process.argv.includes('--check')
const complaints: string[] = []
mkdirSync(folder, { recursive: true })
for (const [name, make] of Object.entries(pages)) {
  const file = new URL(name, folder)
  const text = await make()
  if (readText(file) === text) continue
  if (isCheck) complaints.push(`docs/reference/${name} is older than the code: run node dev/docs.ts`)
  else {
    writeFileSync(file, text)
    process.stdout.write(`docs/reference/${name} is written.\n`)
  }
}
complaints.push(...(await proseComplaints(fileURLToPath(root))))
for (const complaint of complaints) process.stderr.write(`${complaint}\n`)
// Apps may hold timers or connections; nothing here waits for them.
process.exit(complaints.length > 0 ? 1 : 0)

function readText(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
