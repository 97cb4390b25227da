import { fileURLToPath } from 'node:url'
import type { TObject } from 'typebox'
import type { LoadedApp } from '#kernel/apps/app.ts'
import { loadApps } from '#kernel/apps/load.ts'
import type { DocumentMethod, Method, Rule } from '#kernel/methods/method.ts'
import { code, page, table } from './markdown.ts'

/** Every callable path and every verb of a document, from the declarations of the project's apps. */
export async function methodPage(root: URL): Promise<string> {
  const apps = await loadApps([fileURLToPath(new URL('apps', root))])
  return page('Methods', introduction, ...apps.flatMap(sectionsOf))
}

const introduction = `A method is called at \`/api/method/<path>\` (v1, the result stands under \`message\`) or \`/api/v2/method/<path>\` (under \`data\`); a verb of a
document at \`POST /api/v2/document/<doctype>/<name>/method/<verb>\`, or in v1 with \`run_method\`. Which apps a site has decides which of them exist
there. Input that is not listed is dropped; text is read as the number, flag, list or object that the input wants. \`?\` marks what may be left out.`

function sectionsOf(app: LoadedApp): string[] {
  const parts: string[] = []
  const methods = [...(app.methods ?? [])].sort((a, b) => (a.path < b.path ? -1 : 1))
  if (methods.length > 0)
    parts.push(`## ${app.title}\n\n${table(['path', 'verbs', 'who', 'input', 'what it does'], methods.map(methodRow))}`)
  const verbs = [...(app.documentMethods ?? [])].sort((a, b) => (`${a.doctype} ${a.verb}` < `${b.doctype} ${b.verb}` ? -1 : 1))
  if (verbs.length > 0)
    parts.push(`## ${app.title}: verbs of documents\n\n${table(['DocType', 'verb', 'right', 'input', 'what it does'], verbs.map(verbRow))}`)
  return parts
}

function methodRow({ path, verbs, rule, input, summary }: Method): string[] {
  return [code(path), verbs.join(' '), who(rule), inputOf(input), summary]
}

function verbRow({ doctype, verb, needs, input, summary }: DocumentMethod): string[] {
  return [doctype, code(verb), needs, inputOf(input), summary]
}

function who(rule: Rule): string {
  switch (rule.kind) {
    case 'guest':
      return 'everybody'
    case 'signed-in':
      return 'whoever signed in'
    case 'roles':
      return rule.anyOf.join(', ')
    case 'permission':
      return `whoever may ${rule.action} ${rule.doctype}`
    case 'documents':
      return `checked per document: ${rule.because}`
  }
}

/** The parts of a JSON schema that a reader wants to know. */
interface Shape {
  type?: string
  anyOf?: Shape[]
  const?: unknown
  enum?: unknown[]
  items?: Shape
}

function inputOf(input: TObject): string {
  const required = new Set((input as { required?: string[] }).required ?? [])
  const fields = Object.entries(input.properties).map(
    ([name, shape]) => `${code(name)}${required.has(name) ? '' : '?'}: ${shapeOf(shape as Shape)}`,
  )
  return fields.join(', ') || 'none'
}

function shapeOf({ type, anyOf, const: only, enum: choices, items }: Shape): string {
  if (anyOf) return [...new Set(anyOf.map(shapeOf))].join(' or ')
  if (only !== undefined) return JSON.stringify(only)
  if (choices) return choices.map((choice) => JSON.stringify(choice)).join(' or ')
  if (type === 'array') return items && Object.keys(items).length > 0 ? `list of ${shapeOf(items)}` : 'list'
  return type ?? 'anything'
}
