import { sql } from '#kernel/database/sql.ts'
import { UniqueViolated } from '#kernel/database/errors.ts'
import { uuidv7 } from '#kernel/documents/uuid.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { BreakerRule } from './service.ts'

/** How a circuit stands, as every process of the site sees it. Times in milliseconds since 1970; 0: never. */
export interface Circuit {
  readonly service: string
  readonly state: 'closed' | 'open'
  readonly failures: number
  readonly last_failure: number
  readonly last_error: string | null
  readonly last_change: number
  readonly retry_at: number
  readonly openings: number
  readonly probe: string | null
  readonly probe_until: number
}

/** Whether a call may go out. `probe`: it is the one that finds out whether the service is back. */
export type Admission =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'probe'; readonly token: string }
  | { readonly kind: 'refused'; readonly until: number }

const circuits = sql.id('__Circuit')
/** Waits grow to so many times the first. */
const longestOpen = 10

/** Every circuit that ever had a failure. */
export async function readCircuits(site: Site): Promise<Circuit[]> {
  const rows = await site.database.query<Circuit>(site.database.dialect.compile(sql`select * from ${circuits} order by service`))
  return rows.map(asCircuit)
}

/**
 * Asks to call. While the circuit is closed this is one read. When it is open and its time has come, exactly one caller among all
 * processes becomes the probe: the row is claimed in one statement.
 * @param probeMs how long the claim holds at most; a probe whose process died is given to another after that
 */
export async function admit(site: Site, service: string, probeMs: number): Promise<Admission> {
  const circuit = await readCircuit(site, service)
  if (!circuit || circuit.state === 'closed') return { kind: 'closed', failures: circuit?.failures ?? 0 }
  const now = site.clock.now()
  if (circuit.retry_at > now) return { kind: 'refused', until: circuit.retry_at }
  if (circuit.probe_until > now) return { kind: 'refused', until: circuit.probe_until }
  const token = uuidv7(now)
  const claimed = await write(
    site,
    sql`update ${circuits} set probe = ${token}, probe_until = ${now + probeMs}
      where service = ${service} and state = ${'open'} and retry_at <= ${now} and probe_until <= ${now}`,
  )
  return claimed === 1 ? { kind: 'probe', token } : { kind: 'refused', until: now + probeMs }
}

/** Notes that a call went well: the probe closes the circuit, any other forgets the failures before it. */
export async function noteSuccess(site: Site, service: string, admission: Admission): Promise<void> {
  if (admission.kind === 'probe') {
    await write(
      site,
      sql`update ${circuits} set state = ${'closed'}, failures = 0, openings = 0, probe = null, probe_until = 0, last_change = ${site.clock.now()}
        where service = ${service} and probe = ${admission.token}`,
    )
  } else if (admission.kind === 'closed' && admission.failures > 0)
    await write(site, sql`update ${circuits} set failures = 0 where service = ${service} and state = ${'closed'} and failures > 0`)
}

/** Notes that a call failed in a way that speaks of the service's health. @returns whether the circuit is open now */
export async function noteFailure(site: Site, service: string, rule: BreakerRule, admission: Admission, code: string): Promise<boolean> {
  const now = site.clock.now()
  if (admission.kind === 'probe') {
    const circuit = await readCircuit(site, service)
    const wait = rule.openMs * Math.min(longestOpen, 2 ** Math.min(circuit?.openings ?? 1, 10))
    await write(
      site,
      sql`update ${circuits} set failures = failures + 1, openings = openings + 1, last_failure = ${now}, last_error = ${code},
        retry_at = ${now + wait}, probe = null, probe_until = 0
        where service = ${service} and probe = ${admission.token}`,
    )
    return true
  }
  await makeRow(site, service)
  // One statement counts and opens, so that failures of many processes at once add up. The count is last: MariaDB reads what an
  // assignment to its left has just written.
  const inRow = sql`(case when last_failure < ${now - rule.windowMs} then 1 else failures + 1 end)`
  const opens = sql`(state = ${'closed'} and ${inRow} >= ${rule.failures})`
  const changed = await site.database.transaction(async (tx) => {
    await tx.execute(
      tx.dialect.compile(sql`update ${circuits} set
        retry_at = case when ${opens} then ${now + rule.openMs} else retry_at end,
        openings = case when ${opens} then 1 else openings end,
        last_change = case when ${opens} then ${now} else last_change end,
        failures = ${inRow}, last_failure = ${now}, last_error = ${code}
        where service = ${service}`),
    )
    await tx.execute(
      tx.dialect.compile(
        sql`update ${circuits} set state = ${'open'} where service = ${service} and state = ${'closed'} and failures >= ${rule.failures}`,
      ),
    )
    const [row] = await tx.query<{ state: string }>(tx.dialect.compile(sql`select state from ${circuits} where service = ${service}`))
    return row?.state
  })
  return changed === 'open'
}

/** Gives a probe's claim back when its call ended without telling anything of the service, by a refusal of the input, say. */
export async function releaseProbe(site: Site, service: string, admission: Admission): Promise<void> {
  if (admission.kind !== 'probe') return
  await write(site, sql`update ${circuits} set probe = null, probe_until = 0 where service = ${service} and probe = ${admission.token}`)
}

/** Closes a circuit at the word of a person who knows better. @returns whether there was one to close */
export async function closeCircuit(site: Site, service: string): Promise<boolean> {
  const changed = await write(
    site,
    sql`update ${circuits} set state = ${'closed'}, failures = 0, openings = 0, probe = null, probe_until = 0, last_change = ${site.clock.now()}
      where service = ${service}`,
  )
  return changed === 1
}

async function readCircuit(site: Site, service: string): Promise<Circuit | undefined> {
  const [row] = await site.database.query<Circuit>(site.database.dialect.compile(sql`select * from ${circuits} where service = ${service}`))
  return row && asCircuit(row)
}

/** Engines give large numbers as text. */
function asCircuit(row: Circuit): Circuit {
  const numbers = ['failures', 'last_failure', 'last_change', 'retry_at', 'openings', 'probe_until'] as const
  return { ...row, ...Object.fromEntries(numbers.map((name) => [name, Number(row[name])])) }
}

async function makeRow(site: Site, service: string): Promise<void> {
  if (await readCircuit(site, service)) return
  try {
    await write(site, sql`insert into ${circuits} (service, state) values (${service}, ${'closed'})`)
  } catch (error) {
    // Another process made it a moment ago.
    if (!UniqueViolated.is(error)) throw error
  }
}

async function write(site: Site, statement: ReturnType<typeof sql>): Promise<number> {
  const { changes } = await site.database.transaction((tx) => tx.execute(tx.dialect.compile(statement)))
  return changes
}
