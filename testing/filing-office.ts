import { Readable } from 'node:stream'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { receiveStream } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { where } from '#client/rules/predicate.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import { type TestSite, type TestSiteOptions, testSite } from './site.ts'

/** Two organizations that file documents; Dora and Dan file in the first, Mona oversees, Rita keeps records, Otto files in the second. */
export interface FilingOffice extends TestSite {
  readonly dora: string
  readonly dan: string
  readonly mona: string
  readonly rita: string
  readonly sys: string
  readonly otto: string
  person(name: string, roles: readonly string[], organizations: readonly string[]): Promise<string>
  /** The address of a private file that the context's user uploads. */
  upload(ctx: Context, text: string | Uint8Array, fileName?: string): Promise<string>
  /** Files a document as somebody; gives its name. */
  file(user: string, values: Record<string, unknown>, text?: string | Uint8Array, fileName?: string): Promise<string>
  /** Calls a method as somebody, from a network that the test may choose. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  call(user: string, path: string, given: Record<string, unknown>, ip?: string): Promise<any>
  /** The log's entries about an object, the oldest first. */
  log(name: string): Promise<FoundRow[]>
  /** Runs all jobs that wait. */
  work(): Promise<void>
}

/** A site with the app `documents`, and people in it. */
export async function filingOffice(options: TestSiteOptions = {}): Promise<FilingOffice> {
  const site = await testSite({ apps: ['documents'], ...options })
  await site.make('Organization', { organization_name: 'North', abbr: 'N', time_zone: 'Europe/Berlin' })
  await site.make('Organization', { organization_name: 'South', abbr: 'S', time_zone: 'America/New_York' })
  const person: FilingOffice['person'] = async (name, roles, organizations) => {
    const user = await site.user(`${name}@example.com`, roles)
    for (const for_value of organizations) await site.make('User Permission', { user, allow: 'Organization', for_value })
    return user
  }
  const upload: FilingOffice['upload'] = async (ctx, text, fileName = 'letter.txt') => {
    const received = await receiveStream(site.site, Readable.from([Buffer.from(text as string)]), fileName)
    let stored: AnyDocument | undefined
    try {
      stored = await storeFile(ctx, received, { fileName, isPrivate: true })
    } finally {
      await received.finish(site.site, stored !== undefined)
    }
    return String(stored.file_url)
  }
  return {
    ...site,
    person,
    upload,
    dora: await person('dora', ['Documents User'], ['North']),
    dan: await person('dan', ['Documents User'], ['North']),
    mona: await person('mona', ['Documents Manager'], ['North']),
    rita: await person('rita', ['Records Manager'], ['North']),
    sys: await person('sys', ['System Manager'], ['North']),
    otto: await person('otto', ['Documents Manager'], ['South']),
    file: (user, values, text, fileName) =>
      site.as(user, async (ctx) => {
        const file = text === undefined ? {} : { file: await upload(ctx, text, fileName) }
        return String((await insert(ctx, 'Document', { organization: 'North', ...file, ...values })).name)
      }),
    call: async (user, path, given, ip = '192.0.2.1') => {
      await site.site.freshen()
      const work = async (ctx: Context) => {
        const method = findMethod(ctx, path)
        return callMethod(ctx, method, given, method.verbs.includes('POST') ? 'POST' : 'GET')
      }
      return site.site.run(await principalOf(site.site, user), work, { via: 'test', ip })
    },
    log: (name) =>
      site.asSystem(async (ctx) =>
        findRows(ctx, await ctx.site.meta.get('Document Audit'), where('object_name', '=', name), { orderBy: [['at', 'asc']] }),
      ),
    work: async () => {
      await new Worker({ sites: async () => [site.site], pollMs: 20 }).drain()
    },
  }
}
