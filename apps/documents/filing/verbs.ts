import { Type } from 'typebox'
import { diffTexts } from '#client/rules/documents-diff.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument, load } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { checkedPerDocument, defineDocumentMethod, defineMethod } from '#kernel/methods/method.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import { list } from '#kernel/query/list.ts'
import { recordReading } from '../audit.ts'
import { FileNeeded, NotInTheTrash, VersionUnknown } from '../errors.ts'
import { inside } from '../inside.ts'
import { throwAway } from '../keeping/apply-retention.ts'
import { nextVersion } from './doctypes/document/document.ts'
import { readText } from './read-text.ts'
import { bytesOf, type SealedFile } from './seal-file.ts'

const name = Type.String({ minLength: 1, maxLength: 140 })
const number = Type.Optional(Type.Integer({ minimum: 1 }))
const byDocument = checkedPerDocument('the right to read the document is demanded of the caller')

/** One version of a document, the current one by default. @throws VersionUnknown, FileNeeded */
export async function versionOf(ctx: Context, document: AnyDocument, version: number | undefined, field = 'version'): Promise<FoundRow> {
  if (version === undefined && !document.current_version) throw new FileNeeded({ field: 'file', document: document.name })
  const wanted = version === undefined ? where('name', '=', String(document.current_version)) : where('version_number', '=', version)
  const meta = await ctx.site.meta.get('Document Version')
  const [row] = await findRows(ctx, meta, and(where('document', '=', document.name), wanted), { limit: 1 })
  if (!row) throw new VersionUnknown({ field, document: document.name, version: version ?? 0 })
  return row
}

/** The bytes of a version, as a file to send. @throws FileUnknown */
export async function fileOf(ctx: Context, version: FoundRow): Promise<FileAnswer> {
  const file = await load(ctx, await ctx.site.meta.get('File'), String(version.file))
  return new FileAnswer(String(version.file_name), String(version.content_type), await bytesOf(ctx, String(file.file_url)))
}

const download = defineMethod({
  path: 'orchestrator.documents.download',
  summary: 'Sends a document, or an earlier version of it, and writes that down.',
  verbs: ['GET', 'POST'],
  commitsOnGet: true,
  input: Type.Object({ document: name, version: number }),
  rule: byDocument,
  async handler(ctx, { document: wanted, version }) {
    const document = await getDocument(ctx, 'Document', wanted)
    const found = await versionOf(ctx, document, version)
    const answer = await fileOf(ctx, found)
    await recordReading(ctx, {
      organization: String(document.organization),
      action: 'Download',
      objectType: 'Document',
      objectName: document.name,
      title: String(document.title ?? ''),
      details: `version ${found.version_number}`,
    })
    return answer
  },
})

const shownOfVersions = [
  'version_number',
  'note',
  'restored_from',
  'file_name',
  'file_size',
  'content_type',
  'content_hash',
  'by',
  'creation',
] as const

const versions = defineMethod({
  path: 'orchestrator.documents.versions',
  summary: 'The versions of a document, the newest first.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ document: name }),
  rule: byDocument,
  async handler(ctx, { document: wanted }) {
    const document = await getDocument(ctx, 'Document', wanted)
    const meta = await ctx.site.meta.get('Document Version')
    const rows = await findRows(ctx, meta, where('document', '=', document.name), { orderBy: [['version_number', 'desc']], limit: 1000 })
    return rows.map((row) => Object.fromEntries(shownOfVersions.map((field) => [field, row[field] ?? null])))
  },
})

const compare = defineMethod({
  path: 'orchestrator.documents.compare',
  summary: 'What changed in the text between two versions of a document.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ document: name, from: Type.Integer({ minimum: 1 }), to: number }),
  rule: byDocument,
  async handler(ctx, given) {
    const document = await getDocument(ctx, 'Document', given.document)
    const first = await versionOf(ctx, document, given.from, 'from')
    const second = await versionOf(ctx, document, given.to, 'to')
    const text = (row: FoundRow): string => (typeof row.text === 'string' ? row.text : '')
    return {
      from: first.version_number,
      to: second.version_number,
      is_same: first.content_hash === second.content_hash,
      has_text: text(first) !== '' || text(second) !== '',
      parts: diffTexts(text(first), text(second)),
    }
  },
})

const recent = defineMethod({
  path: 'orchestrator.documents.recent',
  summary: 'The documents that the caller opened or changed lately and may still read.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })) }),
  rule: byDocument,
  async handler(ctx, { limit = 20 }) {
    const log = await ctx.site.meta.get('Document Audit')
    const own = and(where('user', '=', ctx.user.name), where('object_type', '=', 'Document'))
    const seen = await findRows(ctx, log, own, { fields: ['name', 'object_name'], orderBy: [['at', 'desc']], limit: 500 })
    const order = [...new Set(seen.map((row) => String(row.object_name)))].slice(0, 200)
    if (order.length === 0) return []
    const { rows } = await list(ctx, 'Document', {
      fields: ['name', 'title', 'folder', 'file_name', 'status', 'modified'],
      filters: [
        ['name', 'in', order],
        ['trashed', '=', 0],
      ],
      limit: 200,
      wire: { version: 2, zone: ctx.site.timeZone },
    })
    return rows.sort((a, b) => order.indexOf(String(a.name)) - order.indexOf(String(b.name))).slice(0, limit)
  },
})

export const filingMethods = [download, versions, compare, recent]

const none = Type.Object({})

export const filingVerbs = [
  defineDocumentMethod({
    verb: 'throw_away',
    doctype: 'Document',
    summary: 'Puts a document into the trash.',
    input: none,
    needs: 'delete',
    handler: async (ctx, document) => {
      if (!document.trashed) await throwAway(ctx.asSystem('whoever may delete a document may put it into the trash'), document)
      return { trashed: 1 }
    },
  }),
  defineDocumentMethod({
    verb: 'take_out',
    doctype: 'Document',
    summary: 'Takes a document out of the trash.',
    input: none,
    needs: 'delete',
    handler: async (ctx, document) => {
      if (!document.trashed) throw new NotInTheTrash({ field: 'name', document: document.name })
      const elevated = ctx.asSystem('whoever may delete a document may take it out of the trash')
      await inside(ctx, 'filing', () => save(elevated, document, { trashed: 0, trashed_at: null, trashed_by: null }))
      return { trashed: 0 }
    },
  }),
  defineDocumentMethod({
    verb: 'restore_version',
    doctype: 'Document',
    summary: 'Makes an earlier version the newest again; those between stay.',
    input: Type.Object({ version: Type.Integer({ minimum: 1 }), note: Type.Optional(Type.String({ maxLength: 255 })) }),
    needs: 'write',
    handler: async (ctx, document, { version, note }) => {
      const found = await versionOf(ctx, document, version)
      const file = await load(ctx, await ctx.site.meta.get('File'), String(found.file))
      const sealed: SealedFile = {
        file: String(found.file),
        url: String(file.file_url),
        fileName: String(found.file_name),
        size: Number(found.file_size ?? 0),
        contentType: String(found.content_type),
        hash: String(found.content_hash),
      }
      nextVersion(document, { ...sealed, restoredFrom: version })
      await save(ctx, document, { version_note: note ?? `Version ${version} again` })
      return { version_number: document.version_number }
    },
  }),
]

/** Jobs of filing. */
export const readTextJob = (ctx: Context, input: Record<string, unknown>): Promise<number> => readText(ctx, String(input.version))
