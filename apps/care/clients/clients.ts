import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { strayLink } from '#kernel/documents/tenant-links.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { OfAnotherOrganization } from '../errors.ts'
import { getClientSummary } from './client-summary.ts'
import { admit, discharge } from './life-cycle.ts'

/** @throws OfAnotherOrganization with the path of the link */
const keepOrganizationsApart: DocumentListener = async (ctx: Context, document, extra) => {
  const stray = await strayLink(ctx, document, extra?.before as AnyDocument | undefined, 'organization')
  if (stray) throw new OfAnotherOrganization({ doctype: document.doctype, ...stray, organization: String(document.organization) })
}
const apart = { validate: keepOrganizationsApart }
const day = Type.Optional(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$' }))

/** Clients, what they are assigned, and the verbs of their stay. */
export const clientsPart: AppPart = {
  methods: [getClientSummary],
  documentMethods: [
    defineDocumentMethod({
      verb: 'admit',
      doctype: 'Client',
      summary: 'Begins a stay: the admission checklist must be done.',
      input: Type.Object({ date: day }),
      needs: 'write',
      handler: (ctx, client, { date }) => admit(ctx, client, date),
    }),
    defineDocumentMethod({
      verb: 'discharge',
      doctype: 'Client',
      summary: 'Ends a stay: the discharge checklist must be done; open tasks are cancelled.',
      input: Type.Object({ reason: Type.String({ minLength: 3, maxLength: 1000, pattern: '\\S' }), date: day }),
      needs: 'write',
      handler: (ctx, client, { reason, date }) => discharge(ctx, client, reason, date),
    }),
  ],
  events: { Client: apart, 'Care Template': apart, 'Care Program': apart, 'Care Task': apart },
}
