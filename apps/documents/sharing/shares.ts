import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { randomToken, tokenHash } from '#kernel/identity/keyed-hash.ts'
import { hashPassword, isPassword } from '#kernel/identity/passwords.ts'
import { demandRate } from '#kernel/limits/rate-limit.ts'
import { checkedPerDocument, defineMethod, guests } from '#kernel/methods/method.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { recordDeeds, recordReading } from '../audit.ts'
import { InTheTrash, LinkInvalid, LinkNeedsPassword, ShareInvalid } from '../errors.ts'
import { fileOf, versionOf } from '../filing/verbs.ts'
import { inside } from '../inside.ts'
import { todayIn } from '../organization.ts'
import { linkAddress, openLink, sharedDocument } from './links.ts'

const token = Type.String({ minLength: 1, maxLength: 200 })
const password = Type.Optional(Type.String({ minLength: 1, maxLength: 128 }))
const day = Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }))
/** Wrong passwords for one link, from wherever. */
const perLink = { limit: 10, windowMs: 900_000 }

const share = defineMethod({
  path: 'orchestrator.documents.share',
  summary: 'Makes a link to a document for people without a login. Its token is told once.',
  verbs: ['POST'],
  input: Type.Object({
    document: Type.String({ minLength: 1, maxLength: 140 }),
    version: Type.Optional(Type.Integer({ minimum: 1 })),
    allows: Type.Optional(Type.Union([Type.Literal('View'), Type.Literal('Download')])),
    expires_on: day,
    password,
    max_downloads: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  }),
  rule: checkedPerDocument('the right to share the document is demanded of the caller'),
  async handler(ctx, given) {
    const document = await getDocument(ctx, 'Document', given.document)
    await demand(ctx, 'share', 'Document', document)
    if (document.trashed) throw new InTheTrash({ field: 'document', document: document.name })
    const version = await versionOf(ctx, document, given.version)
    const organization = String(document.organization)
    if (given.expires_on !== undefined && given.expires_on < (await todayIn(ctx, organization)))
      throw new ShareInvalid({ field: 'expires_on', reason: 'that day is over.' })
    if (given.password !== undefined && given.password.length < 6)
      throw new ShareInvalid({ field: 'password', reason: 'give at least six characters.' })
    const secret = randomToken()
    const made = await inside(ctx, 'filing', async () =>
      insert(ctx.asSystem('makes a link to a document for whoever may share it'), 'Document Share', {
        document: document.name,
        organization,
        version: given.version === undefined ? null : version.name,
        allows: given.allows ?? 'Download',
        expires_on: given.expires_on ?? null,
        max_downloads: given.max_downloads ?? 0,
        has_password: given.password ? 1 : 0,
        token_hash: tokenHash(secret),
        password_hash: given.password ? await hashPassword(given.password) : null,
      }),
    )
    await recordDeeds(ctx, [deed(document, 'Share', made.name)])
    return { name: made.name, token: secret, url: linkAddress(ctx, 'share', secret) }
  },
})

const deed = (document: AnyDocument, action: string, details: string) => ({
  organization: String(document.organization),
  action,
  objectType: 'Document',
  objectName: document.name,
  title: String(document.title ?? ''),
  details,
})

/** @throws LinkNeedsPassword, RateLimitExceeded */
async function demandPassword(ctx: Context, link: AnyDocument, given: string | undefined): Promise<void> {
  if (!link.has_password) return
  if (given === undefined) throw new LinkNeedsPassword({ field: 'password' })
  await demandRate(ctx.site, `document-link-password:${link.name}`, perLink)
  if (!(await isPassword(given, String(link.password_hash ?? '')))) throw new LinkNeedsPassword({ field: 'password' })
}

async function opened(ctx: Context, given: { token: string; password?: string }) {
  const { link, maker } = await openLink(ctx, 'Document Share', given.token)
  await demandPassword(ctx, link, given.password)
  if (Number(link.max_downloads) > 0 && Number(link.download_count) >= Number(link.max_downloads)) throw new LinkInvalid({ field: 'token' })
  const document = await sharedDocument(maker, link)
  const [row] = link.version
    ? await ctx.db.query<{ version_number: number }>(
        ctx.db.dialect.compile(sql`select version_number from ${ident('tabDocument Version')} where name = ${String(link.version)}`),
      )
    : []
  return { link, document, version: await versionOf(ctx, document, row ? Number(row.version_number) : undefined) }
}

const openShare = defineMethod({
  path: 'orchestrator.documents.open_share',
  summary: 'What a link leads to: title, name and size of the file.',
  verbs: ['POST'],
  input: Type.Object({ token, password }),
  rule: guests,
  async handler(ctx, given) {
    const { link, document, version } = await opened(ctx, given)
    await recordReading(ctx, deed(document, 'View by Link', link.name))
    return {
      title: document.title,
      file_name: version.file_name,
      file_size: version.file_size,
      content_type: version.content_type,
      version_number: version.version_number,
      may_download: link.allows === 'Download',
    }
  },
})

const downloadShare = defineMethod({
  path: 'orchestrator.documents.download_share',
  summary: 'Sends the file that a link leads to, and counts it.',
  verbs: ['POST'],
  input: Type.Object({ token, password }),
  rule: guests,
  async handler(ctx, given) {
    const { link, document, version } = await opened(ctx, given)
    if (link.allows !== 'Download') throw new LinkInvalid({ field: 'token' })
    const answer = await fileOf(ctx, version)
    // The row is locked since it was found: two who come at once are counted one after the other.
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`update ${ident('tabDocument Share')} set download_count = ${Number(link.download_count ?? 0) + 1} where name = ${link.name}`,
      ),
    )
    await recordReading(ctx, deed(document, 'Download by Link', link.name))
    return answer
  },
})

export const shareMethods = [share, openShare, downloadShare]
