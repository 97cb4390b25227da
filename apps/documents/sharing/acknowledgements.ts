import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { getDocument, load } from '#kernel/documents/load.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { checkedPerDocument, defineMethod, signedIn } from '#kernel/methods/method.ts'
import { can, demand } from '#kernel/permissions/grants.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { recordDeeds } from '../audit.ts'
import { ShareInvalid } from '../errors.ts'
import { versionOf } from '../filing/verbs.ts'
import { inside } from '../inside.ts'

const name = Type.String({ minLength: 1, maxLength: 140 })

async function open(ctx: Context, document: string, user: string, version: number) {
  const meta = await ctx.site.meta.get('Document Acknowledgement')
  const wanted = and(where('document', '=', document), where('user', '=', user), where('version_number', '=', version))
  const [row] = await findRows(ctx, meta, wanted, { limit: 1 })
  return row && load(ctx, meta, row.name, true)
}

const request = defineMethod({
  path: 'orchestrator.documents.request_acknowledgement',
  summary: 'Asks people who may read a document to say that they have read its current version. Asking again changes nothing.',
  verbs: ['POST'],
  input: Type.Object({
    document: name,
    users: Type.Array(name, { minItems: 1, maxItems: 500 }),
    due_on: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })),
  }),
  rule: checkedPerDocument('the right to share the document is demanded of the caller'),
  async handler(ctx, given) {
    const document = await getDocument(ctx, 'Document', given.document)
    await demand(ctx, 'share', 'Document', document)
    const version = Number((await versionOf(ctx, document, undefined)).version_number)
    let asked = 0
    for (const [index, user] of given.users.entries()) {
      // Who may not read it cannot say that they have.
      if (!(await can(ctx.as(await principalOf(ctx, user)), 'read', 'Document', document)))
        throw new ShareInvalid({ field: `users[${index}]`, reason: 'may not read the document.' })
      if (await open(ctx, document.name, user, version)) continue
      const values = {
        document: document.name,
        organization: document.organization,
        version_number: version,
        user,
        due_on: given.due_on ?? null,
      }
      await inside(ctx, 'filing', () => insert(ctx.asSystem('asks for an acknowledgement'), 'Document Acknowledgement', values))
      asked++
    }
    return { asked }
  },
})

const acknowledge = defineMethod({
  path: 'orchestrator.documents.acknowledge',
  summary: 'Says that the caller has read the current version of a document.',
  verbs: ['POST'],
  input: Type.Object({ document: name }),
  rule: signedIn,
  async handler(ctx, given) {
    const document = await getDocument(ctx, 'Document', given.document)
    const version = Number((await versionOf(ctx, document, undefined)).version_number)
    const known = await open(ctx, document.name, ctx.user.name, version)
    if (known?.acknowledged_at) return { acknowledged_at: known.acknowledged_at, version_number: version }
    const elevated = ctx.asSystem('keeps that somebody has read a document')
    const said = { acknowledged_at: nowText(ctx), ip_address: ctx.request.ip }
    const values = { document: document.name, organization: document.organization, version_number: version, user: ctx.user.name, ...said }
    await inside(ctx, 'filing', () => (known ? save(elevated, known, said) : insert(elevated, 'Document Acknowledgement', values)))
    await recordDeeds(ctx, [
      {
        organization: String(document.organization),
        action: 'Acknowledge',
        objectType: 'Document',
        objectName: document.name,
        title: String(document.title ?? ''),
        details: `version ${version}`,
      },
    ])
    return { acknowledged_at: said.acknowledged_at, version_number: version }
  },
})

export const acknowledgementMethods = [request, acknowledge]
