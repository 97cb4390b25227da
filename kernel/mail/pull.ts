import type { FetchMessageObject, ImapFlow, MailboxObject } from 'imapflow'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { JobFenced } from '#kernel/jobs/errors.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { MailboxFailed } from './errors.ts'
import { readMail } from './read-mail.ts'
import { type MailPlace, note, receiveMail } from './receive.ts'

/** Bytes of a mail that is read; a larger one is noted and stays in the mailbox. */
const largestMail = 25 * 1024 * 1024
/** Mails that one run takes; the next run, a minute later, goes on. */
const atOnce = 200
/** Runs that may fail at a mail before it is left out. */
const patience = 3

interface Folder {
  readonly name: string
  readonly appendTo: string
}

interface Position {
  uidvalidity: number
  last_uid: number
  stuck_uid: number
  stuck_times: number
}

/** What a run found. */
export interface Pulled {
  readonly taken: number
  readonly left: number
}

/**
 * Reads what came to an Email Account since the last time. The mailbox stays as it is. Each mail is taken in a step of its own, together with how
 * far was read; one at which we fail repeatedly is noted and left out, so that it holds up no other.
 * @throws MailboxFailed when the server cannot be reached or does not let us in
 */
export async function pullMail(ctx: Context, accountName: string, job: JobRun): Promise<Pulled> {
  const account = await find(ctx, await ctx.site.meta.get('Email Account'), accountName)
  if (account?.enable_incoming !== 1) return { taken: 0, left: 0 }
  const client = await signIn(ctx, account)
  const total = { taken: 0, left: 0 }
  const stop = (): void => client.close()
  job.signal.addEventListener('abort', stop, { once: true })
  try {
    for (const folder of foldersOf(account)) {
      const { taken, left } = await pullFolder(ctx, client, account, folder, job)
      total.taken += taken
      total.left += left
    }
  } finally {
    job.signal.removeEventListener('abort', stop)
    await client.logout().catch(() => client.close())
  }
  return total
}

function foldersOf(account: AnyDocument): Folder[] {
  const rows = (account.imap_folder as unknown as { folder_name: string; append_to: string | null }[] | undefined) ?? []
  if (rows.length === 0) return [{ name: 'INBOX', appendTo: '' }]
  return rows.map((row) => ({ name: row.folder_name, appendTo: row.append_to ?? '' }))
}

/** Signs in to an account's mailbox. @throws MailboxFailed */
export async function signIn(ctx: Context, account: AnyDocument): Promise<ImapFlow> {
  const { ImapFlow } = await import('imapflow')
  const isTls = account.use_ssl === 1
  const client = new ImapFlow({
    host: String(account.email_server ?? ''),
    port: Number(account.incoming_port) || (isTls ? 993 : 143),
    secure: isTls,
    // Undefined: where the server offers it.
    ...(!isTls && account.use_starttls === 1 && { doSTARTTLS: true }),
    tls: { rejectUnauthorized: account.validate_ssl_certificate !== 0, minVersion: 'TLSv1.2' },
    auth: {
      user: String((account.login_id_is_different === 1 && account.login_id) || account.email_id),
      pass: (await getSecret(ctx, 'Email Account', String(account.name), 'password')) ?? '',
    },
    logger: false,
    disableAutoIdle: true,
    connectionTimeout: 20_000,
    greetingTimeout: 20_000,
    socketTimeout: 120_000,
  })
  // What breaks later is told to whoever waits for a command; without a listener it would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (cause) {
    client.close()
    const { responseText, message } = cause as Error & { responseText?: string }
    throw new MailboxFailed({ account: String(account.name), reason: String(responseText || message).slice(0, 300) }, { cause })
  }
}

async function pullFolder(ctx: Context, client: ImapFlow, account: AnyDocument, folder: Folder, job: JobRun): Promise<Pulled> {
  const lock = await openFolder(client, account, folder)
  try {
    const mailbox = client.mailbox as MailboxObject
    const uidvalidity = Number(mailbox.uidValidity)
    const position = await positionOf(ctx, account, folder)
    const isSame = position?.uidvalidity === uidvalidity
    const uids = mailbox.exists === 0 ? [] : await newUids(client, account, isSame ? position.last_uid : undefined)
    const turn = uids.slice(0, atOnce)
    for (const uid of turn) {
      job.signal.throwIfAborted()
      const place: MailPlace = { folder: folder.name, uidvalidity, uid, appendTo: folder.appendTo }
      await takeOne(ctx, client, account, place, isSame ? position : undefined, job)
    }
    if (!isSame && turn.length === 0)
      await job.step(`begin:${folder.name.slice(0, 60)}:${uidvalidity}`, (step) =>
        setPosition(step, account, folder.name, uidvalidity, Number(mailbox.uidNext ?? 1) - 1),
      )
    return { taken: turn.length, left: uids.length - turn.length }
  } finally {
    lock.release()
  }
}

async function openFolder(client: ImapFlow, account: AnyDocument, folder: Folder): Promise<{ release(): void }> {
  try {
    return await client.getMailboxLock(folder.name, { readOnly: true })
  } catch (cause) {
    const reason = `the folder ${folder.name} cannot be opened`
    throw new MailboxFailed({ account: String(account.name), reason }, { cause })
  }
}

/** Numbers of mails beyond the last one read, in order; of a mailbox that is new to us, the latest. */
async function newUids(client: ImapFlow, account: AnyDocument, last: number | undefined): Promise<number[]> {
  if (last !== undefined) {
    // `n:*` gives the last mail even where n is beyond it.
    const found = (await client.search({ uid: `${last + 1}:*` }, { uid: true })) || []
    return found.filter((uid) => uid > last).sort((a, b) => a - b)
  }
  const query = account.email_sync_option === 'ALL' ? { all: true } : { seen: false }
  const found = (await client.search(query, { uid: true })) || []
  return found.sort((a, b) => a - b).slice(-Number(account.initial_sync_count || 250))
}

async function takeOne(
  ctx: Context,
  client: ImapFlow,
  account: AnyDocument,
  place: MailPlace,
  position: Position | undefined,
  job: JobRun,
): Promise<void> {
  try {
    await takeMail(client, account, place, job)
  } catch (error) {
    if (job.signal.aborted || JobFenced.is(error) || !client.usable) throw error
    const times = position?.stuck_uid === place.uid ? position.stuck_times + 1 : 1
    ctx.site.log.error({ err: error, account: account.name, uid: place.uid, times }, 'a mail could not be taken')
    await job.step(stepKey('stuck', place), async (step) => {
      if (times < patience) return setPosition(step, account, place.folder, place.uidvalidity, place.uid - 1, place.uid, times)
      await note(step, account, `failed:${place.folder}:${place.uidvalidity}:${place.uid}`.slice(0, 140), place, 'failed')
      return setPosition(step, account, place.folder, place.uidvalidity, place.uid)
    })
    if (times < patience) throw error
  }
}

function stepKey(what: string, { folder, uidvalidity, uid }: MailPlace): string {
  return `${what}:${folder.slice(0, 60)}:${uidvalidity}:${uid}`
}

async function takeMail(client: ImapFlow, account: AnyDocument, place: MailPlace, job: JobRun): Promise<void> {
  const facts = (await client.fetchOne(String(place.uid), { uid: true, size: true, envelope: true }, { uid: true })) as
    | FetchMessageObject
    | false
  const done = (step: Context) => setPosition(step, account, place.folder, place.uidvalidity, place.uid)
  // Deleted since we asked.
  if (!facts) {
    await job.step(stepKey('mail', place), done)
    return
  }
  if ((facts.size ?? 0) > largestMail) {
    await job.step(stepKey('mail', place), async (step) => {
      const size = `${Math.ceil((facts.size ?? 0) / 1024 / 1024)} MB`
      await noteUnread(step, account, place, facts, `It has ${size}, which is too large to be taken.`)
      await done(step)
    })
    return
  }
  const { source } = ((await client.fetchOne(String(place.uid), { uid: true, source: true }, { uid: true })) || {}) as FetchMessageObject
  // Nested or split beyond reason: the reader gives up.
  const mail = await readMail(source ?? Buffer.alloc(0)).catch(() => undefined)
  await job.step(stepKey('mail', place), async (step) => {
    if (mail) await receiveMail(step, account, mail, place)
    else await noteUnread(step, account, place, facts, 'It is put together in a way that cannot be read.')
    await done(step)
  })
}

/** So that people know of a mail that was not taken. */
async function noteUnread(ctx: Context, account: AnyDocument, place: MailPlace, facts: FetchMessageObject, why: string): Promise<void> {
  const sender = facts.envelope?.from?.[0]?.address ?? ''
  const values = {
    subject: (facts.envelope?.subject ?? '(no subject)').slice(0, 500),
    communication_medium: 'Email',
    sent_or_received: 'Received',
    sender: sender || null,
    content: `<p><em>This mail was not taken. ${why} It is in the folder ${place.folder.replaceAll(/[<>&]/g, '')} of the mailbox.</em></p>`,
    email_account: account.name,
    imap_folder: place.folder,
    uid: place.uid,
  }
  try {
    await ctx.db.savepoint(() => insert(ctx, 'Communication', values))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    await insert(ctx, 'Communication', { ...values, sender: null })
  }
}

async function positionOf(ctx: Context, account: AnyDocument, folder: Folder): Promise<Position | undefined> {
  const [row] = await ctx.db.query<Position>(
    ctx.db.dialect.compile(
      sql`select uidvalidity, last_uid, stuck_uid, stuck_times from ${sql.id('__Mailbox')} where account = ${account.name} and folder = ${folder.name}`,
    ),
  )
  return (
    row && {
      uidvalidity: Number(row.uidvalidity),
      last_uid: Number(row.last_uid),
      stuck_uid: Number(row.stuck_uid),
      stuck_times: Number(row.stuck_times),
    }
  )
}

async function setPosition(
  ctx: Context,
  account: AnyDocument,
  folder: string,
  uidvalidity: number,
  lastUid: number,
  stuckUid = 0,
  stuckTimes = 0,
): Promise<void> {
  const table = sql.id('__Mailbox')
  const run = (fragment: ReturnType<typeof sql>) => ctx.db.execute(ctx.db.dialect.compile(fragment))
  const { changes } = await run(sql`update ${table} set uidvalidity = ${uidvalidity}, last_uid = ${lastUid}, stuck_uid = ${stuckUid},
    stuck_times = ${stuckTimes} where account = ${account.name} and folder = ${folder}`)
  if (changes > 0) return
  await run(sql`delete from ${table} where account = ${account.name} and folder = ${folder}`)
  await run(sql`insert into ${table} (account, folder, uidvalidity, last_uid, stuck_uid, stuck_times)
    values (${account.name}, ${folder}, ${uidvalidity}, ${lastUid}, ${stuckUid}, ${stuckTimes})`)
}

/** How the last run went, for people to see on the account; not a change of the account. */
export async function markPulled(ctx: Context, account: string, error: string | null): Promise<void> {
  const failed = error === null ? sql`0` : sql`coalesce(no_failed, 0) + 1`
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${ident('tabEmail Account')} set last_synced_at = ${nowText(ctx)}, no_failed = ${failed},
      last_error = ${error} where name = ${account}`),
  )
}

/** Milliseconds for which a mail that came is remembered; a mailbox that is numbered anew rarely holds older ones unread. */
const rememberedFor = 400 * 86_400_000

/** Forgets mails that came long ago. @returns how many */
export async function forgetReceived(ctx: Context): Promise<number> {
  const before = ctx.clock.now() - rememberedFor
  return (await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${sql.id('__Received_Mail')} where received < ${before}`))).changes
}
