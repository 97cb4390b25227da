import { and, where } from '#client/rules/predicate.ts'
import { isEmail } from '#client/rules/formats.ts'
import type { Context } from '#kernel/context/context.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { type FoundRow, findRows } from '#kernel/query/find-rows.ts'
import type { Site } from '#kernel/sites/site.ts'
import { sameKey } from './addresses.ts'

/** A mail server that sends for the site, and as whom. */
export interface OutgoingServer {
  /** Name of the Email Account; '' for the one of the site's configuration. */
  readonly account: string
  readonly address: string
  readonly name: string
  readonly host: string
  readonly port: number
  /** `tls`: from the first byte. `starttls`: or not at all. `offered`: where the server offers it. */
  readonly security: 'tls' | 'starttls' | 'offered'
  readonly checksCertificate: boolean
  /** Empty: without signing in. */
  readonly login: string
  /** Mails per hour; 0: no limit. */
  readonly hourlyLimit: number
  /** Gets a blind copy of each mail; '' nobody. */
  readonly bcc: string
  /** HTML below each mail. */
  readonly footer: string
}

/** What answers and complaints about mail go to. */
interface Accounts {
  readonly outgoing: readonly OutgoingServer[]
  readonly standard: OutgoingServer | undefined
  /** Address of the default mailbox that is read; '' where there is none. */
  readonly answers: string
}

/**
 * The server for a mail: the account that is named, else the one with that sender's address, else the default. Undefined: mail stays in
 * the outbox, because none is configured or the site is muted (`mute_emails`).
 */
export async function outgoingServer(ctx: Context, wanted: { account?: string; from?: string } = {}): Promise<OutgoingServer | undefined> {
  if (ctx.site.config.mute_emails) return undefined
  const { outgoing, standard } = await accountsOf(ctx)
  const byName = wanted.account ? outgoing.find((server) => server.account === wanted.account) : undefined
  const byAddress = wanted.from ? outgoing.find((server) => sameKey(server.address) === sameKey(wanted.from ?? '')) : undefined
  return byName ?? byAddress ?? standard
}

/** Where answers are read; '' where no mailbox is. */
export async function answerAddress(ctx: Context): Promise<string> {
  return (await accountsOf(ctx)).answers
}

/** The password of a server in clear; undefined where it needs none. */
export async function passwordOf(ctx: Context, server: OutgoingServer): Promise<string | undefined> {
  if (server.account !== '') return getSecret(ctx, 'Email Account', server.account, 'password')
  const { mail_password } = ctx.site.config
  return typeof mail_password === 'string' ? mail_password : undefined
}

async function accountsOf(ctx: Context): Promise<Accounts> {
  const known = ctx.site.cache.config.get('mail:accounts') as Accounts | undefined
  if (known) return known
  const epoch = ctx.site.epoch.config
  const accounts = await readAccounts(ctx)
  if (!ctx.db.isWriting && ctx.site.epoch.config === epoch) ctx.site.cache.config.set('mail:accounts', accounts)
  return accounts
}

async function readAccounts(ctx: Context): Promise<Accounts> {
  const configured = configuredServer(ctx.site)
  if (!(await ctx.site.meta.exists('Email Account'))) return { outgoing: [], standard: configured, answers: '' }
  const meta = await ctx.site.meta.get('Email Account')
  const rows = await findRows(ctx, meta, where('enable_outgoing', '=', 1))
  const outgoing = rows.filter((row) => row.smtp_server).map(serverOf)
  const preferred = rows.find((row) => row.default_outgoing === 1)
  const [incoming] = await findRows(ctx, meta, and(where('enable_incoming', '=', 1), where('default_incoming', '=', 1)), {
    fields: ['email_id'],
    limit: 1,
  })
  return {
    outgoing,
    standard: outgoing.find((server) => server.account === preferred?.name) ?? configured,
    answers: String(incoming?.email_id ?? ''),
  }
}

function serverOf(row: FoundRow): OutgoingServer {
  const security = row.use_ssl_for_outgoing === 1 ? 'tls' : row.use_tls === 1 ? 'starttls' : 'offered'
  return {
    account: row.name,
    address: String(row.email_id),
    name: String(row.email_account_name ?? ''),
    host: String(row.smtp_server),
    port: Number(row.smtp_port) || (security === 'tls' ? 465 : 587),
    security,
    checksCertificate: row.validate_ssl_certificate_for_outgoing !== 0,
    login: row.no_smtp_authentication === 1 ? '' : String((row.login_id_is_different === 1 && row.login_id) || row.email_id),
    hourlyLimit: Number(row.hourly_limit ?? 0),
    bcc: String(row.always_bcc ?? ''),
    footer: String(row.footer ?? ''),
  }
}

/** The server that `site_config.json` names, for sites that need no more than one. */
function configuredServer(site: Site): OutgoingServer | undefined {
  const { config } = site
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  const host = text(site.config.mail_server)
  if (host === '') return undefined
  const login = text(site.config.mail_login)
  const address = [text(site.config.auto_email_id), login].find(isEmail) ?? `no-reply@${site.host}`
  const security = config.use_ssl ? 'tls' : config.use_tls ? 'starttls' : 'offered'
  return {
    account: '',
    address,
    name: text(site.config.email_sender_name),
    host,
    port: Number(site.config.mail_port) || (security === 'tls' ? 465 : 587),
    security,
    checksCertificate: true,
    login,
    hourlyLimit: 0,
    bcc: '',
    footer: '',
  }
}
