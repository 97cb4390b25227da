import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface KipuPatient {
  casefile_id: string
  first_name: string
  last_name: string
  mr_number: string
  updated_at: string
  dob?: string
  gender?: string
  admission_date?: string
  discharge_date?: string
}

/** A stand-in of Kipu's patient API: signed requests, its media type, pages, and the failures that one meets. */
export interface KipuServer {
  readonly address: string
  patients: KipuPatient[]
  /** Answered in place of the next requests, the first first. */
  troubles: { status: number; headers?: Record<string, string> }[]
  /** Paths that were answered. */
  readonly asked: string[]
  close(): void
}

/** @param secret of the account whose access id is given */
export async function kipuServer({
  accessId,
  secret,
  perPage,
}: {
  accessId: string
  secret: string
  perPage?: number
}): Promise<KipuServer> {
  const state: { patients: KipuPatient[]; troubles: KipuServer['troubles']; asked: string[] } = { patients: [], troubles: [], asked: [] }
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    const refuse = (status: number, headers: Record<string, string> = {}) =>
      void response.writeHead(status, headers).end('{"error":"refused"}')
    const trouble = state.troubles.shift()
    if (trouble) return refuse(trouble.status, trouble.headers)
    if (!String(request.headers.accept).startsWith('application/vnd.kipusystems+json')) return refuse(406)
    if (!isSigned(request.headers.authorization, path, String(request.headers.date))) return refuse(401)
    const url = new URL(path, 'http://kipu')
    if (url.searchParams.get('app_id') !== accessId) return refuse(403)
    const kind = url.pathname.replace('/api/patients/', '')
    if (kind !== 'census' && kind !== 'latest') return refuse(404)
    state.asked.push(kind)
    const from = kind === 'latest' ? (url.searchParams.get('from') ?? '') : ''
    const wanted = state.patients.filter(({ updated_at }) => updated_at > from).sort((a, b) => (a.updated_at < b.updated_at ? -1 : 1))
    const size = perPage ?? Number(url.searchParams.get('per') ?? 20)
    const page = Number(url.searchParams.get('page') ?? 1)
    const total = Math.max(1, Math.ceil(wanted.length / size))
    const pagination = { current_page: page, records_per_page: size, total_pages: total, total_records: wanted.length }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ patients: wanted.slice((page - 1) * size, page * size), pagination }))
  })
  const isSigned = (header: string | undefined, path: string, date: string): boolean => {
    const expected = Buffer.from(`APIAuth ${accessId}:${createHmac('sha1', secret).update(`,,${path},${date}`).digest('base64')}`)
    const given = Buffer.from(header ?? '')
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return Object.assign(state, {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  })
}
