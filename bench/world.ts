import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insertRows, type Writer } from '#kernel/documents/rows.ts'
import { insert } from '#kernel/documents/save.ts'
import { createKey } from '#kernel/identity/api-keys.ts'
import { createSite } from '#kernel/sites/create-site.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'

/** What is measured on: the site's folder and where its rows are. */
export interface World {
  readonly engine: 'sqlite' | 'postgres'
  readonly sitesFolder: string
  readonly host: string
  /** The SQLite file, or the URL of the site's own database. */
  readonly address: string
  readonly tickets: number
  /** Authorization headers of somebody confined to one organisation, without the right to level 1, and of the Administrator. */
  readonly agent: string
  readonly administrator: string
  /** The same for somebody confined to three organisations. */
  readonly regional: string
}

export interface WorldOptions {
  readonly engine: 'sqlite' | 'postgres'
  readonly tickets: number
  /** A server on which the database is made; PostgreSQL only. */
  readonly url?: string
  /** SQLite with synchronous=FULL; default NORMAL, so that the disk does not drown what is measured. */
  readonly durable?: boolean
}

const organizations = 20
const customersEach = 25
/** The organisation that the measured user belongs to. */
export const ownOrganization = 'Organization 07'
const agent = 'agent@bench.example'
const regional = 'regional@bench.example'
const statuses = ['Open', 'Replied', 'Resolved', 'Closed']
const priorities = ['Low', 'Medium', 'High', 'Urgent']
const base = Date.UTC(2026, 9, 1)

export const appFolders: readonly string[] = [join(import.meta.dirname, '..', 'apps'), join(import.meta.dirname, 'apps')]

/** A folder for sites that goes away with the machine's other temporary files. */
export async function temporarySites(): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), 'orc-bench-')), 'sites')
  await mkdir(folder)
  return folder
}

/**
 * Makes a site with tickets of 20 organisations, two child rows each. The rows are written straight into the tables: what is
 * measured is how they are served, not how they came about.
 */
export async function makeWorld({ engine, tickets, url, durable = false }: WorldOptions): Promise<World> {
  const sitesFolder = await temporarySites()
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  const host = `bench-${process.pid}-${tickets}.localhost`
  try {
    const { site, administrator } = await createSite(runtime, {
      host,
      adminPassword: 'fake-Administrator-pass-1',
      dbType: engine,
      installApps: ['bench'],
      // The load comes from one credential, and nobody wants to measure the refusal.
      config: { rate_limit: { limit: 1_000_000_000, window: 1 }, ...(engine === 'sqlite' && { durable }) },
      ...(url && { dbUrl: url }),
    })
    const keys = await people(site)
    await fill(site, tickets)
    const address = site.address.type === 'sqlite' ? site.address.file : site.address.url
    return {
      engine,
      sitesFolder,
      host,
      address,
      tickets,
      ...keys,
      administrator: `token ${administrator.api_key}:${administrator.api_secret}`,
    }
  } finally {
    await runtime.close()
  }
}

async function people(site: OpenSite): Promise<Pick<World, 'agent' | 'regional'>> {
  return site.asSystem('bench data', async (ctx) => {
    for (let number = 0; number < organizations; number++)
      await insert(ctx, 'Organization', { organization_name: organizationName(number) })
    return {
      agent: await person(ctx, agent, [ownOrganization]),
      regional: await person(ctx, regional, [3, 7, 11].map(organizationName)),
    }
  })
}

async function person(ctx: Context, email: string, permitted: readonly string[]): Promise<string> {
  await insert(ctx, 'User', { email, first_name: 'Agent', enabled: 1, send_welcome_email: 0, roles: [{ role: 'Bench Agent' }] })
  for (const organization of permitted)
    await insert(ctx, 'User Permission', { user: email, allow: 'Organization', for_value: organization, apply_to_all_doctypes: 1 })
  const key = await createKey(ctx, email, { label: 'bench' })
  return `token ${key.api_key}:${key.api_secret}`
}

const perTransaction = 5000

async function fill(site: OpenSite, tickets: number): Promise<void> {
  const [customer, ticket, part] = await Promise.all(
    ['Bench Customer', 'Bench Ticket', 'Bench Ticket Part'].map((name) => site.meta.get(name)),
  )
  if (!customer || !ticket || !part) throw new Error('The DocTypes of the bench are not installed.')
  const { compile } = site.database.dialect
  await site.database.transaction(async (tx) => {
    const writer = tx as unknown as Writer
    await insertRows(
      writer,
      customer,
      Array.from({ length: organizations * customersEach }, (_, number) => customerRow(number)),
    )
    await tx.execute(compile(sql`insert into ${sql.id('tabSeries')} (name, current) values (${'TKT-'}, ${tickets})`))
  })
  for (let start = 0; start < tickets; start += perTransaction) {
    const numbers = Array.from({ length: Math.min(perTransaction, tickets - start) }, (_, index) => start + index)
    await site.database.transaction(async (tx) => {
      const writer = tx as unknown as Writer
      await insertRows(writer, ticket, numbers.map(ticketRow))
      await insertRows(
        writer,
        part,
        numbers.flatMap((number) => [partRow(number, 1), partRow(number, 2)]),
      )
    })
  }
  if (site.address.type === 'postgres') await site.database.alter(['analyze'])
}

function organizationName(number: number): string {
  return `Organization ${String(number).padStart(2, '0')}`
}

/** The name of the ticket with a number from 0. */
export function ticketName(number: number): string {
  return `TKT-${String(number + 1).padStart(8, '0')}`
}

/** Tickets go round the organisations, so those of one are this far apart. */
export const ticketStride = organizations
/** Number of the first ticket of the measured user's organisation. */
export const firstOwnTicket = Number(ownOrganization.slice(-2))

/** The name of the customer with a number below 25 in an organisation. */
export function customerName(organization: number, number: number): string {
  return `CUST-${String(organization * customersEach + number).padStart(4, '0')}`
}

function customerRow(number: number): AnyDocument {
  const organization = Math.floor(number / customersEach)
  const values = { customer_name: `Customer ${number} & Partners`, organization: organizationName(organization) }
  return { ...standard('Bench Customer', customerName(organization, number % customersEach), base), ...values }
}

function ticketRow(number: number): AnyDocument {
  const organization = number % organizations
  const round = Math.floor(number / organizations)
  const values = {
    subject: `Ticket ${number}: the printer on floor ${number % 9} does not answer`,
    organization: organizationName(organization),
    customer: customerName(organization, round % customersEach),
    status: statuses[round % 4],
    priority: priorities[(round >> 2) % 4],
    channel: 'Mail',
    description: `Reported at the desk. ${'It blinks twice and then stays dark. '.repeat(4)}`,
    contact_email: `person${number % 997}@example.com`,
    due_on: '2026-11-30',
    opened_at: timeText(base + number * 1000),
    is_escalated: number % 2,
    effort: (number % 40) / 4,
    estimate: `${number % 900}.5`,
    cost: `${number % 700}.25`,
    internal_note: 'Known customer.',
  }
  return { ...standard('Bench Ticket', ticketName(number), base + number * 1000), ...values }
}

function partRow(number: number, idx: number): AnyDocument {
  const values = {
    parent: ticketName(number),
    parenttype: 'Bench Ticket',
    parentfield: 'parts',
    item: `Part ${idx}`,
    quantity: idx,
    rate: '12.5',
  }
  return { ...standard('Bench Ticket Part', `p${number}-${idx}`, base), ...values, idx }
}

function standard(doctype: string, name: string, at: number): AnyDocument {
  const time = timeText(at)
  return { doctype, name, owner: agent, creation: time, modified: time, modified_by: agent, docstatus: 0, idx: 0 }
}

function timeText(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').replace('Z', '000')
}
