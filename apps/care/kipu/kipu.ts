import { createHmac } from 'node:crypto'
import { defineAdapter, type Connection, type ExternalRecord, type PulledPage, type PullRequest } from '#kernel/adapters/adapter.ts'
import { adapterWebhook } from '#kernel/adapters/webhook.ts'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { demandSuccess } from '#kernel/external/outcome.ts'
import { ServiceInputRefused } from '#kernel/external/errors.ts'
import { safeFetch } from '#kernel/external/safe-fetch.ts'
import { defineService } from '#kernel/external/service.ts'
import { verifyStandard } from '#kernel/webhooks/verify.ts'
import { syncKipuClients } from './sync-kipu-clients.ts'

const perPage = 100

const kipu = defineService({ name: 'kipu', degraded: 'Clients are as of the last sync.' })

/** A patient as Kipu's census and list of latest changes give them, as far as we read it. */
interface KipuPatient {
  casefile_id?: string
  first_name?: string
  last_name?: string
  dob?: string
  gender?: string
  mr_number?: string
  email?: string
  phone?: string
  admission_date?: string
  discharge_date?: string
  discharge_type?: string
  updated_at?: string
}

/** Patients of Kipu as clients: everybody by the census, what is new by the latest changes. */
const adapter = defineAdapter({
  name: 'kipu',
  title: 'Kipu',
  doctype: 'Client',
  service: kipu,
  every: 'hourly',
  rate: { limit: 120, windowMs: 60_000 },
  conflict: 'manual',
  matchBy: ['mr_number'],
  pull,
  id: (record) => String((record as KipuPatient).casefile_id ?? ''),
  version: (record) => String((record as KipuPatient).updated_at ?? ''),
  transform: (_ctx, record) => clientOf(record as KipuPatient),
  validate: ({ first_name, admission_date, discharge_date }) => {
    if (!first_name) return 'It has no first name.'
    if (admission_date && discharge_date && String(discharge_date) < String(admission_date))
      return 'It was discharged before it was admitted.'
    return undefined
  },
})

async function pull(ctx: Context, connection: Connection, { cursor, since, signal }: PullRequest): Promise<PulledPage> {
  const page = Number(cursor || 1)
  const asked = new URLSearchParams({ app_id: connection.account, phi_level: 'high', per: String(perPage), page: String(page) })
  if (since) asked.set('from', since)
  const path = `/api/patients/${since ? 'latest' : 'census'}?${asked}`
  const url = connection.address.replace(/\/$/, '') + path
  const date = new Date(ctx.clock.now()).toUTCString()
  const answer = await safeFetch(ctx.site, url, {
    headers: {
      accept: 'application/vnd.kipusystems+json; version=3',
      date,
      authorization: `APIAuth ${connection.account}:${kipuSignature((await connection.secret()) ?? '', path, date)}`,
    },
    signal,
  })
  demandSuccess(answer, { service: kipu.name, operation: 'pull' }, ctx.clock.now())
  return readPage(JSON.parse(Buffer.from(answer.body).toString('utf8')))
}

/** How Kipu's API proves who asks: the address and the time, signed with the secret key. @param path from the first slash on, with the query */
export function kipuSignature(secret: string, path: string, date: string): string {
  return createHmac('sha1', secret).update(`,,${path},${date}`).digest('base64')
}

/** @throws ServiceInputRefused where the answer has not the shape of a page */
function readPage(answer: unknown): PulledPage {
  const { patients, pagination } = (answer ?? {}) as { patients?: unknown; pagination?: { current_page?: number; total_pages?: number } }
  const isPage = Array.isArray(patients) && patients.every((one) => typeof one === 'object' && one !== null)
  if (!isPage) throw new ServiceInputRefused({ service: kipu.name, operation: 'pull', http: 200 })
  const { current_page: current = 1, total_pages: total = 1 } = pagination ?? {}
  const records = patients as ExternalRecord[]
  const newest = records.map((record) => String(record.updated_at ?? '')).sort().at(-1) // biome-ignore format: one line
  // Pages of the census are in no order of changes, so only the last may say how far everything has come.
  return current < total ? { records, next: String(current + 1) } : { records, ...(newest && { highWater: newest }) }
}

const sexes: Readonly<Record<string, string>> = { male: 'Male', female: 'Female', other: 'Other' }

function clientOf(patient: KipuPatient): Record<string, unknown> {
  const day = (text: string | undefined) => (text ? text.slice(0, 10) : null)
  const [admission, discharge] = [day(patient.admission_date), day(patient.discharge_date)]
  return {
    first_name: patient.first_name ?? '',
    last_name: patient.last_name ?? null,
    dob: day(patient.dob),
    sex: sexes[patient.gender?.toLowerCase() ?? ''] ?? 'Unknown',
    mr_number: patient.mr_number ?? null,
    email: patient.email ?? null,
    phone: patient.phone ?? null,
    status: discharge ? 'Discharged' : admission ? 'Active' : 'Pending',
    admission_date: admission,
    discharge_date: discharge,
    discharge_reason: discharge ? (patient.discharge_type ?? null) : null,
    synced_from_kipu: 1,
    kipu_id: patient.casefile_id ?? null,
    kipu_last_synced_at: patient.updated_at ?? null,
  }
}

/** What brings clients from Kipu. */
export const kipuPart: AppPart = {
  adapters: [adapter],
  services: [kipu],
  methods: [syncKipuClients],
  ...adapterWebhook(adapter, {
    verify: verifyStandard,
    read: ({ json }) => {
      const { patients, deleted } = (json ?? {}) as { patients?: ExternalRecord[]; deleted?: string[] }
      return { records: Array.isArray(patients) ? patients : [], ...(Array.isArray(deleted) && { deleted: deleted.map(String) }) }
    },
  }),
}
