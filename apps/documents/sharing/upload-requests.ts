import { Type } from 'typebox'
import { ident, sql } from '#kernel/database/sql.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { blankDocument } from '#kernel/documents/new-document.ts'
import { insert } from '#kernel/documents/save.ts'
import { randomToken, tokenHash } from '#kernel/identity/keyed-hash.ts'
import { checkedPerDocument, defineMethod, guests } from '#kernel/methods/method.ts'
import { can, demand } from '#kernel/permissions/grants.ts'
import { recordDeeds } from '../audit.ts'
import { ContentRefused, LinkInvalid, ShareInvalid } from '../errors.ts'
import { fileFromBytes } from '../filing/from-bytes.ts'
import { inside } from '../inside.ts'
import { todayIn } from '../organization.ts'
import { linkAddress, openLink } from './links.ts'

/** Bytes of one file that a stranger hands in. */
const mostBytes = 10 * 1024 * 1024

const ask = defineMethod({
  path: 'orchestrator.documents.request_upload',
  summary: 'Makes a link by which people without a login hand in files into a folder. Its token is told once.',
  verbs: ['POST'],
  input: Type.Object({
    title: Type.String({ minLength: 1, maxLength: 140 }),
    folder: Type.String({ minLength: 1, maxLength: 140 }),
    message: Type.Optional(Type.String({ maxLength: 2000 })),
    expires_on: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })),
    max_files: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  }),
  rule: checkedPerDocument('the right to put documents into the folder is demanded of the caller'),
  async handler(ctx, given) {
    const folder = await getDocument(ctx, 'Document Folder', given.folder)
    await demand(ctx, 'write', 'Document Folder', folder)
    const organization = String(folder.organization)
    if (given.expires_on !== undefined && given.expires_on < (await todayIn(ctx, organization)))
      throw new ShareInvalid({ field: 'expires_on', reason: 'that day is over.' })
    const secret = randomToken()
    const made = await inside(ctx, 'filing', () =>
      insert(ctx.asSystem('makes a link for handing in files for whoever may put them there'), 'Upload Request', {
        title: given.title,
        organization,
        folder: folder.name,
        message: given.message ?? null,
        expires_on: given.expires_on ?? null,
        max_files: given.max_files ?? 10,
        token_hash: tokenHash(secret),
      }),
    )
    return { name: made.name, token: secret, url: linkAddress(ctx, 'upload', secret) }
  },
})

const handIn = defineMethod({
  path: 'orchestrator.documents.hand_in',
  summary: 'Takes a file (as base64) that was asked for by a link.',
  verbs: ['POST'],
  input: Type.Object({
    token: Type.String({ minLength: 1, maxLength: 200 }),
    file_name: Type.String({ minLength: 1, maxLength: 255 }),
    content: Type.String({ minLength: 1, maxLength: Math.ceil(mostBytes / 3) * 4 }),
    from: Type.Optional(Type.String({ maxLength: 140 })),
  }),
  rule: guests,
  async handler(ctx, given) {
    const { link, maker } = await openLink(ctx, 'Upload Request', given.token)
    if (Number(link.received_count ?? 0) >= Number(link.max_files ?? 0)) throw new LinkInvalid({ field: 'token' })
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(given.content)) throw new ContentRefused({ field: 'content', reason: 'it is not base64.' })
    const values = { organization: link.organization, folder: link.folder, title: given.file_name, correspondent: given.from ?? null }
    const meta = await ctx.site.meta.get('Document')
    const wanted = await blankDocument(maker, meta, values, documentForm)
    wanted.owner = maker.user.name
    if (!(await can(maker, 'create', 'Document', wanted))) throw new LinkInvalid({ field: 'token' })
    const document = await fileFromBytes(maker, values, Buffer.from(given.content, 'base64'), given.file_name, 'content')
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`update ${ident('tabUpload Request')} set received_count = ${Number(link.received_count ?? 0) + 1} where name = ${link.name}`,
      ),
    )
    await recordDeeds(ctx, [
      {
        organization: String(link.organization),
        action: 'Hand In',
        objectType: 'Document',
        objectName: document.name,
        title: given.file_name,
        details: link.name,
      },
    ])
    return { received: given.file_name, remaining: Number(link.max_files) - Number(link.received_count ?? 0) - 1 }
  },
})

export const uploadMethods = [ask, handIn]
