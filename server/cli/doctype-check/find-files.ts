import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { FileNotFound } from '../errors.ts'

/** A file that holds a DocType, or ought to. */
export interface FoundFile {
  readonly path: string
  readonly json: unknown
  /** Why it could not be read; then `json` is undefined. */
  readonly error?: string
  /** Files of the same content need one check. */
  readonly hash: string
}

const passedOver = new Set(['node_modules', '.git', '__pycache__'])

/** Every DocType definition in the given files and below the given folders, by path. @throws FileNotFound */
export async function findDefinitions(paths: readonly string[]): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>()
  for (const path of paths) {
    if (!existsSync(path)) throw new FileNotFound({ path })
    if (statSync(path).isFile()) found.set(path, await read(path))
    else
      for await (const file of jsonFiles(path)) {
        if (found.has(file)) continue
        const candidate = await read(file)
        if (candidate.error ? liesWhereDocTypesLie(file) : isDefinition(candidate.json)) found.set(file, candidate)
      }
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function* jsonFiles(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !passedOver.has(entry.name)) yield* jsonFiles(path)
    else if (entry.isFile() && entry.name.endsWith('.json')) yield path
  }
}

async function read(path: string): Promise<FoundFile> {
  const bytes = await readFile(path)
  const hash = createHash('sha256').update(bytes).digest('hex')
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return { path, hash, json: JSON.parse(text) }
  } catch (error) {
    return { path, hash, json: undefined, error: `It is not JSON: ${(error as Error).message}` }
  }
}

/** Other kinds of record lie about as JSON too: forms, reports, fixtures, and files of other programs. */
function isDefinition(json: unknown): boolean {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false
  const { doctype, fields, istable } = json as Record<string, unknown>
  if (doctype === 'DocType') return true
  const hasTypedFields = Array.isArray(fields) && fields.length > 0 && fields.every((field) => typeof field?.fieldtype === 'string')
  return typeof doctype === 'string' && (hasTypedFields || (Array.isArray(fields) && istable !== undefined))
}

/** `…/doctype/<name>/<name>.json`, as Frappe lays them out, or `…/doctypes/…` as we do. */
function liesWhereDocTypesLie(path: string): boolean {
  const [file, folder, above] = path.split(sep).reverse()
  return (above === 'doctype' || above === 'doctypes') && file === `${folder}.json`
}
