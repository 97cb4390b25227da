import { join } from 'node:path'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { createKey } from '#kernel/identity/api-keys.ts'
import { type CallAnswer, type TestServer, testServer } from '#testing/server.ts'
import { addRow, run, settle } from './settle.ts'
import type { DocumentFact, World, WorldDocType } from './world.ts'

/** What one request is about; a body is sent as JSON, a query in the address. */
export interface Question {
  readonly verb?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: object
}

/** A server on whose site one world after the other is set up. */
export interface Stage {
  readonly server: TestServer
  /** Sends operations one by one inside a batch when on; files and exports are always asked for alone. */
  batched: boolean
  /** Asks as one of the world's users, Guest, or the Administrator. */
  ask(user: string, question: Question): Promise<CallAnswer>
  /** Makes the site hold this world, its users' roles and keys too. */
  enact(world: World): Promise<void>
  /** Where the private file of a document is. */
  fileOf(fact: DocumentFact): string
}

const people = ['ann', 'ben', 'cas'] as const

/** Documents with a file attached; that of Case C2 is in the field `secret`. */
const withFiles: readonly [WorldDocType, string][] = [
  ['Case', 'C1'],
  ['Case', 'C2'],
  ['Case', 'C3'],
  ['Memo', 'M1'],
]

/** Makes the stage. One per database and process: the app's switches are shared. */
export async function openStage(database: 'sqlite' | 'postgres' | 'mariadb'): Promise<Stage> {
  const server = await testServer({ apps: ['oracle'], appFolders: [join(import.meta.dirname, 'apps')], database })
  ;(server.site.config as Record<string, unknown>).rate_limit = { limit: 1_000_000, window: 1 }
  const keys = new Map<string, { name: string; header: string }>()
  const files = new Map<string, string>()
  await server.asSystem(async (ctx) => {
    for (const role_name of ['Clerk', 'Nurse']) await insert(ctx, 'Role', { role_name, desk_access: 0 })
    for (const name of people) {
      await addRow(ctx, await ctx.site.meta.get('User'), { name, email: `${name}@example.com`, first_name: name, enabled: 1 })
      const key = await createKey(ctx, name, { label: 'oracle' })
      keys.set(name, { name: key.name, header: `token ${key.api_key}:${key.api_secret}` })
    }
  })
  // Deleting a document takes its file along.
  const attach = async (doctype: WorldDocType, name: string) => {
    const file = await upload(server, `${doctype}-${name}.txt`, `bytes of ${name}`)
    files.set(`${doctype}/${name}`, file.file_url)
    await server.asSystem((ctx) =>
      run(
        ctx,
        sql`update ${ident('tabFile')} set attached_to_doctype = ${doctype}, attached_to_name = ${name},
          attached_to_field = ${name === 'C2' ? 'secret' : null} where name = ${file.name}`,
      ),
    )
  }
  const missingFiles = () =>
    server.asSystem(async (ctx) => {
      const rows = await ctx.db.query<{ file_url: string }>(ctx.db.dialect.compile(sql`select file_url from ${ident('tabFile')}`))
      const there = new Set(rows.map((row) => row.file_url))
      return withFiles.filter(([doctype, name]) => !there.has(files.get(`${doctype}/${name}`) ?? ''))
    })

  const as = (user: string) => (user === 'Guest' ? '' : user === 'Administrator' ? server.authorization : (keys.get(user)?.header ?? ''))
  const stage: Stage = {
    server,
    batched: false,
    async ask(user, { verb = 'GET', path, query, body }) {
      const address = query ? `${path}?${queryText(query)}` : path
      const isFile = address.startsWith('/private/') || address.includes('export_query')
      if (!stage.batched || isFile) return server.call(verb, address, { as: as(user), ...(body && { body }) })
      const operations = [{ method: verb, path: address, ...(body && { body }) }]
      const answer = await server.call('POST', '/api/v2/batch', { as: as(user), body: { operations, atomic: false } })
      const [first] = answer.json?.data ?? []
      if (!first) return answer
      return { status: first.status, headers: answer.headers, text: JSON.stringify(first.body), json: first.body }
    },
    async enact(world) {
      await server.asSystem(async (ctx) => {
        await writeRoles(ctx, world)
        for (const user of world.users) {
          const key = keys.get(user.name)
          const scopes = user.keyScopes?.join('\n') ?? null
          if (key) await run(ctx, sql`update ${ident('tabUser API Key')} set scopes = ${scopes} where name = ${key.name}`)
        }
        await writeSurroundings(ctx, world)
      })
      await settle(server, world)
      for (const [doctype, name] of await missingFiles()) await attach(doctype, name)
    },
    fileOf: (fact) => files.get(`${fact.doctype}/${fact.name}`) ?? '',
  }
  return stage
}

async function upload(server: TestServer, fileName: string, text: string): Promise<{ name: string; file_url: string }> {
  const form = new FormData()
  form.set('file', new Blob([text], { type: 'text/plain' }), fileName)
  form.set('is_private', '1')
  const headers = { authorization: server.authorization }
  const response = await fetch(`${server.url}/api/method/upload_file`, { method: 'POST', headers, body: form })
  return ((await response.json()) as { message: { name: string; file_url: string } }).message
}

async function writeRoles(ctx: Context, world: World): Promise<void> {
  const meta = await ctx.site.meta.get('Has Role')
  for (const user of world.users) {
    await run(ctx, sql`delete from ${ident('tabHas Role')} where parent = ${user.name} and parenttype = ${'User'}`)
    for (const [at, role] of user.roles.entries())
      await addRow(ctx, meta, {
        name: `${user.name}-${role}`,
        parent: user.name,
        parenttype: 'User',
        parentfield: 'roles',
        idx: at + 1,
        role,
      })
  }
}

/** A comment about every document and a version of it, in which all fields have changed. */
export async function writeSurroundings(ctx: Context, world: World): Promise<void> {
  const [comment, version] = [await ctx.site.meta.get('Comment'), await ctx.site.meta.get('Version')]
  for (const doctype of ['Case', 'Memo']) {
    await run(ctx, sql`delete from ${ident('tabComment')} where reference_doctype = ${doctype}`)
    await run(ctx, sql`delete from ${ident('tabVersion')} where ref_doctype = ${doctype}`)
  }
  for (const { doctype, name } of world.documents) {
    if (doctype !== 'Case' && doctype !== 'Memo') continue
    await addRow(ctx, comment, {
      name: `talk-${name}`,
      comment_type: 'Comment',
      reference_doctype: doctype,
      reference_name: name,
      content: `talk about ${name}`,
    })
    const data = {
      changed: [
        ['note', '', 'old note'],
        ['secret', '', `old secret of ${name}`],
        ...(doctype === 'Case' ? [['phone', '', `old phone of ${name}`]] : []),
      ],
      row_changed: doctype === 'Case' ? [['visits', 0, `${name}-0`, [['secret', '', `old row secret of ${name}`]]]] : [],
    }
    await addRow(ctx, version, { name: `version-${name}`, ref_doctype: doctype, docname: name, data: JSON.stringify(data) })
  }
}

function queryText(query: Readonly<Record<string, unknown>>): string {
  return Object.entries(query)
    .map(([key, value]) => `${key}=${encodeURIComponent(typeof value === 'object' ? JSON.stringify(value) : String(value))}`)
    .join('&')
}
