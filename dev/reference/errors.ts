import { globSync, readFileSync } from 'node:fs'
import { errorCatalogue } from '#client/rules/errors.ts'
import { code, page, table } from './markdown.ts'

/** The catalogue of refusals: every file that declares one is imported first. */
export async function errorPage(root: URL): Promise<string> {
  await importDeclarations(root)
  const rows = errorCatalogue().map(({ code: name, status, excType, message }) => [
    code(name),
    String(status),
    code(excType),
    sentence(name, message as (data: unknown) => string),
  ])
  return page('Errors', introduction, table(['code', 'status', 'exc_type', 'sentence'], rows))
}

const introduction = `Every refusal has a stable code, an HTTP status, Frappe's name for its class (\`exc_type\`), a sentence for a person, and data for
programs; \`field\` in the data names the place in the caller's input, such as \`items[2].qty\`. Words in braces stand for that data. Where an
answer holds them, and how v1, v2 and problem details differ: [http](../kernel/http.md#refusals).

v1 answers a wrong verb with 403, as Frappe does; v2 with 405. Failures with status 500 show their sentence to nobody: the answer says
\`http/unforeseen\` and the request id, under which the log has the rest.`

async function importDeclarations(root: URL): Promise<void> {
  const files = globSync('{apps,client,kernel,server}/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))
  for (const file of files.sort()) {
    const url = new URL(file, root)
    if (/\bdefineError[(<]/.test(readFileSync(url, 'utf8'))) await import(url.href)
  }
}

/** Data where a placeholder makes no sentence: numbers that are calculated with, words that are looked up. */
const samples: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'external/rate-limited': { service: '{service}', operation: '{operation}', retryAfterMs: 30_000 },
  'external/timed-out': { service: '{service}', operation: '{operation}', timeoutMs: 10_000 },
  'external/unavailable': { service: '{service}', operation: '{operation}', until: 0, degraded: '{degraded}' },
  'expression/not-allowed': { position: 0, what: '{what}' },
  'expression/syntax': { position: 0, reason: '{reason}' },
  'mail/too-large': { limit: 25 * 1024 * 1024 },
  'files/quota-reached': { limit: 25 * 1024 * 1024 },
  'files/too-large': { limit: 25 * 1024 * 1024 },
  'permission/denied': { doctype: '{doctype}', action: 'read' },
}

/** @throws Error when the sentence cannot be made from placeholders: it needs an entry in `samples` */
function sentence(name: string, message: (data: unknown) => string): string {
  const data = samples[name] ?? new Proxy({}, { get: (_, key) => placeholder(String(key)) })
  const text = String(message(data))
  if (/\bNaN\b|\bundefined\b|\[object/.test(text)) throw new Error(`dev/reference/errors.ts needs sample data for ${name}: “${text}”`)
  return text
}

/** Stands for any datum: reads as `{name}` in a text, as do its items, its parts, and whatever its methods would give. */
function placeholder(name: string, whole = name): unknown {
  const text = `{${name}}`
  return new Proxy(() => undefined, {
    apply: () => placeholder(whole),
    get(_, key) {
      switch (key) {
        case Symbol.toPrimitive:
          return (hint: string) => (hint === 'number' ? Number.NaN : text)
        case 'toString':
        case 'toJSON':
        case 'join':
          return () => text
        case 'length':
          return 1
        case 'map':
          return (turn: (item: unknown) => unknown) => [turn(itemOf(name))]
        default:
          return placeholder(`${name}.${String(key)}`, name)
      }
    },
  })
}

/** An item of a list: the list's own name in a text, its parts under theirs. */
function itemOf(list: string): unknown {
  const text = () => `{${list}}`
  return new Proxy({}, { get: (_, key) => (key === Symbol.toPrimitive || key === 'toString' ? text : placeholder(String(key))) })
}
