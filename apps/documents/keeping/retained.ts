import { retainedUntil } from '#client/rules/documents-retention.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { StillRetained } from '../errors.ts'
import { dayIn, todayIn } from '../organization.ts'

/** What of a document decides how long it is kept. Times in document form. */
export interface Retained {
  readonly name: string
  readonly organization: string
  readonly creation: string
  readonly modified: string
  readonly document_type?: unknown
  readonly retention_policy?: unknown
  readonly document_date?: unknown
  readonly obsolete_since?: unknown
}

/** A policy as it is stored. */
export interface Policy {
  readonly name: string
  readonly policy_name: string
  readonly retain_for: number
  readonly retain_unit: 'Days' | 'Months' | 'Years'
  readonly starts_from: 'Creation' | 'Last Change' | 'Document Date' | 'Obsolete'
  readonly action: 'Trash' | 'Delete'
}

const columns = sql`p.name, p.policy_name, p.retain_for, p.retain_unit, p.starts_from, p.action`

/** The policy of a document: its own, else that of its type. Policies that are not enabled neither keep nor delete. */
async function policyOf(ctx: Context, document: Retained): Promise<Policy | undefined> {
  const own = typeof document.retention_policy === 'string' ? document.retention_policy : ''
  const type = typeof document.document_type === 'string' ? document.document_type : ''
  const rows = await ctx.db.query<Row>(
    ctx.db.dialect.compile(sql`select ${columns} from ${ident('tabRetention Policy')} p where p.enabled = 1 and p.name = coalesce(nullif(${own}, ''),
      (select t.retention_policy from ${ident('tabDocument Type')} t where t.name = ${type}))`),
  )
  return rows[0] as unknown as Policy | undefined
}

/** The first day on which a policy lets go of a document; undefined: what it counts from has not come yet. */
export async function dueDay(ctx: Context, document: Retained, policy: Policy): Promise<string | undefined> {
  const starts: Record<Policy['starts_from'], () => Promise<string> | unknown> = {
    Creation: () => dayIn(ctx, document.organization, document.creation),
    'Last Change': () => dayIn(ctx, document.organization, document.modified),
    'Document Date': () => document.document_date,
    Obsolete: () => document.obsolete_since,
  }
  const start = await starts[policy.starts_from]()
  if (typeof start !== 'string' || start === '') return undefined
  return retainedUntil(start.slice(0, 10), { count: Number(policy.retain_for), unit: policy.retain_unit })
}

/** What is to be kept is not deleted before its time, by anybody. @throws StillRetained */
export async function refuseRetained(ctx: Context, document: Retained): Promise<void> {
  const policy = await policyOf(ctx, document)
  if (!policy) return
  const due = await dueDay(ctx, document, policy)
  if (due !== undefined && due <= (await todayIn(ctx, document.organization))) return
  throw new StillRetained({ field: 'name', document: document.name, policy: policy.policy_name, until: due ?? '' })
}
