import { Type } from 'typebox'
import { defineError } from '#client/rules/errors.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { outgoingServer, passwordOf } from '#kernel/mail/outgoing-server.ts'
import { signIn } from '#kernel/mail/pull.ts'
import { verifyServer } from '#kernel/mail/transport.ts'
import { defineDocumentMethod, type DocumentMethod } from '#kernel/methods/method.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { checkTemplate } from '#kernel/templates/render.ts'
import { TemplateInvalid } from '#kernel/templates/errors.ts'

interface EmailAccountFields {
  email_id: string
  enable_outgoing: 0 | 1
  enable_incoming: 0 | 1
  default_outgoing: 0 | 1
  default_incoming: 0 | 1
  smtp_port: string | null
  append_to: string | null
  enable_auto_reply: 0 | 1
  auto_reply_message: string | null
  imap_folder: { append_to: string | null; idx: number }[]
}

export const EmailAccountInvalid = defineError<{ field: string; reason: string }>({
  code: 'mail/account-invalid',
  status: 417,
  excType: 'ValidationError',
  message: ({ reason }) => reason,
})

/** A mailbox that the platform sends from and reads. At most one is the default for each way. */
export default class EmailAccount extends Document<EmailAccountFields> {
  async validate(ctx: Context): Promise<void> {
    if (!this.enable_outgoing) this.default_outgoing = 0
    if (!this.enable_incoming) this.default_incoming = 0
    const port = Number(this.smtp_port || 587)
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new EmailAccountInvalid({ field: 'smtp_port', reason: 'A port is a number from 1 to 65535.' })
    await demandTakesMail(ctx, this.append_to, 'append_to')
    for (const [index, folder] of (this.imap_folder ?? []).entries())
      await demandTakesMail(ctx, folder.append_to, `imap_folder[${index}].append_to`)
    const problem = this.enable_auto_reply && this.auto_reply_message ? checkTemplate(this.auto_reply_message) : undefined
    if (problem) throw new TemplateInvalid({ field: 'auto_reply_message', line: problem.line, reason: problem.message })
  }

  async on_update(ctx: Context): Promise<void> {
    for (const field of ['default_outgoing', 'default_incoming'] as const) if (this[field]) await takeOver(ctx, this.name, field)
  }

  async on_trash(ctx: Context): Promise<void> {
    for (const table of ['__Mailbox', '__Received_Mail'])
      await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${sql.id(table)} where account = ${this.name}`))
  }
}

/** The default is one: the account that was it before is it no more. */
async function takeOver(ctx: Context, account: string, field: 'default_outgoing' | 'default_incoming'): Promise<void> {
  const meta = await ctx.site.meta.get('Email Account')
  for (const { name } of await findRows(ctx, meta, and(where(field, '=', 1), where('name', '!=', account)), { fields: ['name'] }))
    await ctx.db.execute(ctx.db.dialect.compile(sql`update ${ident(meta.table)} set ${ident(field)} = 0 where name = ${name}`))
}

async function demandTakesMail(ctx: Context, doctype: string | null, field: string): Promise<void> {
  if (!doctype) return
  const { definition } = await ctx.site.meta.get(doctype)
  if (definition.email_append_to === 1 && typeof definition.subject_field === 'string' && definition.subject_field !== '') return
  throw new EmailAccountInvalid({ field, reason: `${doctype} takes no mail: it needs email_append_to and a subject field.` })
}

const check = defineDocumentMethod({
  verb: 'check',
  doctype: 'Email Account',
  summary: 'Signs in to the servers of the account, and says how it went.',
  input: Type.Object({}),
  needs: 'write',
  handler: async (ctx, account) => ({
    outgoing: account.enable_outgoing === 1 ? await outcomeOf(() => checkOutgoing(ctx, account)) : null,
    incoming: account.enable_incoming === 1 ? await outcomeOf(async () => (await signIn(ctx, account)).logout()) : null,
  }),
})

async function checkOutgoing(ctx: Context, account: AnyDocument): Promise<void> {
  const server = await outgoingServer(ctx, { account: String(account.name) })
  if (!server) throw new Error('The site sends no mail at present.')
  await verifyServer(server, await passwordOf(ctx, server))
}

/** `ok`, or what the server said; never what was sent to it. */
async function outcomeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
    return 'ok'
  } catch (error) {
    return (error as Error).message.slice(0, 300)
  }
}

export const documentMethods: readonly DocumentMethod[] = [check]
