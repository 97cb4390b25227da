import { join } from 'node:path'
import { pino } from 'pino'
import { insert } from '#kernel/documents/save.ts'
import { createSite, dropSite } from '#kernel/sites/create-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { TestDatabase } from '#testing/services.ts'
import { Mailbox } from './mailbox.ts'
import { Outside } from './outside.ts'
import { Random } from './random.ts'

export interface HouseOptions {
  /** Where the site is to lie. */
  readonly folder: string
  readonly host: string
  readonly database: TestDatabase
  /** Further keys of the site's configuration. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Titles of counters to make. */
  readonly things: readonly string[]
  /** Of the whims of the stand-ins, while they are not honest. */
  readonly seed?: number
  /** Ends the process with that number, for the stand-in outside; default: nobody is killed. */
  readonly kill?: (pid: number) => boolean
}

/** A site with the ledger app, and stand-ins for everybody it talks to; processes are another matter. */
export interface House {
  readonly sitesFolder: string
  readonly appFolder: string
  readonly host: string
  /** Open in this process too, to look into. */
  readonly site: Site
  /** The Authorization header of the Administrator. */
  readonly authorization: string
  /** Where the provider `ledger-bank` delivers, and the secret with which it signs. */
  readonly webhook: { readonly path: string; readonly secret: string }
  readonly outside: Outside
  readonly mailbox: Mailbox
  /** Ends the stand-ins. What the site holds stays, to be looked into. */
  close(): Promise<void>
  /** Takes the site away, with its database, then closes. */
  drop(): Promise<void>
}

const secret = 'fake-secret-of-the-provider'

export async function openHouse(options: HouseOptions): Promise<House> {
  const { folder, host, database, things, seed = 1, kill = () => false } = options
  const outside = new Outside(new Random(seed + 1), kill)
  const mailbox = new Mailbox(new Random(seed + 2))
  const outsideUrl = await outside.listen()
  const mailPort = await mailbox.listen()
  const sitesFolder = join(folder, 'sites')
  const appFolder = join(import.meta.dirname, 'apps')
  const appFolders = [join(import.meta.dirname, '../../apps'), appFolder]
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  const close = async (): Promise<void> => {
    await Promise.all([outside.close(), mailbox.close()])
    await runtime.close()
  }
  const drop = (): Promise<void> => dropSite(runtime, host).then(close, close)
  try {
    const { site, administrator } = await createSite(runtime, {
      host,
      adminPassword: 'fake-Administrator-pass-1',
      dbType: database.name,
      installApps: ['ledger'],
      ...('url' in database && { dbUrl: database.url }),
      config: {
        external_allow: ['127.0.0.1'],
        ledger_outside: outsideUrl,
        mail_server: '127.0.0.1',
        mail_port: mailPort,
        auto_email_id: 'ledger@mail.test',
        rate_limit: { limit: 1_000_000, window: 60 },
        ...options.config,
      },
    })
    const endpoint = await furnish(site, outsideUrl, things)
    return {
      ...{ sitesFolder, appFolder, host, site, outside, mailbox, close, drop },
      authorization: `token ${administrator.api_key}:${administrator.api_secret}`,
      webhook: { path: `/api/webhook/ledger-bank/${endpoint}`, secret },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What the work needs to be there. @returns the name of the provider's address */
async function furnish(site: Site, outsideUrl: string, things: readonly string[]): Promise<string> {
  return site.asSystem('the fault suite', async (ctx) => {
    await insert(ctx, 'Organization', { organization_name: 'Ledger House' })
    for (const title of things) await insert(ctx, 'Ledger Counter', { title })
    await insert(ctx, 'Webhook', {
      name: 'Tell outside',
      webhook_doctype: 'Ledger Entry',
      webhook_docevent: 'after_insert',
      condition: "'hook' in (doc.wants or '')",
      request_url: `${outsideUrl}/hook`,
      request_structure: 'JSON',
      webhook_json: '{"client_ref": "{{ doc.client_ref }}"}',
      timeout: 2,
    })
    return String((await insert(ctx, 'Incoming Webhook', { title: 'Bank', provider: 'ledger-bank', secret })).name)
  })
}
