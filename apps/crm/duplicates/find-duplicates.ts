import { Type } from 'typebox'
import { nameKey, nameSimilarity } from '#client/rules/crm-names.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { can } from '#kernel/permissions/grants.ts'
import { list } from '#kernel/query/list.ts'
import { mailKey, phoneKey } from '../reachable.ts'

/** What makes two records of a DocType look like one. */
interface Traits {
  readonly title: string
  readonly mail: string
}

/** DocTypes whose records are compared, and merged. */
export const comparable: Readonly<Record<string, Traits>> = {
  Lead: { title: 'lead_name', mail: 'email' },
  Contact: { title: 'full_name', mail: 'email_id' },
  Customer: { title: 'customer_name', mail: 'email_id' },
}

export interface Reason {
  readonly kind: 'email' | 'phone' | 'name'
  readonly value: string
}

export interface Duplicate {
  readonly doctype: string
  readonly name: string
  readonly title: string
  /** 0 to 1: 1 for the same e-mail address, 0.95 for the same number, and how alike the names are; two reasons strengthen each other. */
  readonly score: number
  readonly reasons: readonly Reason[]
}

/** Names that are less alike are no reason. */
const alikeFrom = 0.92
/** Records looked at whose names begin alike; beyond that a name alone says little. */
const mostCandidates = 500

interface Subject {
  readonly name?: string
  readonly organization: string
  readonly title: string
  readonly mail: string | null
  readonly phones: readonly string[]
}

/** Records that the caller may read and that look like this one, the likeliest first. */
async function duplicatesOf(ctx: Context, doctype: string, subject: Subject, limit: number): Promise<Duplicate[]> {
  const traits = comparable[doctype] as Traits
  const found = new Map<string, { title: string; reasons: Reason[]; doubt: number }>()
  const add = (row: Record<string, unknown>, reason: Reason, weight: number): void => {
    const name = String(row.name)
    if (name === subject.name) return
    const known = found.get(name) ?? { title: String(row[traits.title] ?? ''), reasons: [], doubt: 1 }
    if (known.reasons.some(({ kind }) => kind === reason.kind)) return
    known.reasons.push(reason)
    known.doubt *= 1 - weight
    found.set(name, known)
  }
  const rows = async (filters: readonly unknown[], count = 50) =>
    (
      await list(ctx, doctype, {
        fields: ['name', traits.title, traits.mail, 'phone_key', 'mobile_key', 'name_key'],
        filters: [['organization', '=', subject.organization], ...filters],
        limit: count,
        wire: documentForm,
      })
    ).rows
  if (subject.mail) for (const row of await rows([[traits.mail, '=', subject.mail]])) add(row, { kind: 'email', value: subject.mail }, 1)
  for (const phone of subject.phones)
    for (const key of ['phone_key', 'mobile_key'])
      for (const row of await rows([[key, '=', phone]])) add(row, { kind: 'phone', value: phone }, 0.95)
  const key = nameKey(subject.title)
  if (key !== '') {
    const start = key.slice(0, 3).replace(/[\\%_]/g, (sign) => `\\${sign}`)
    for (const row of await rows([['name_key', 'like', `${start}%`]], mostCandidates)) {
      const alike = nameSimilarity(key, String(row.name_key))
      if (alike >= alikeFrom) add(row, { kind: 'name', value: String(row[traits.title]) }, alike * 0.9)
    }
  }
  return [...found]
    .map(([name, { title, reasons, doubt }]) => ({ doctype, name, title, score: Math.round((1 - doubt) * 100) / 100, reasons }))
    .sort((one, other) => other.score - one.score || (one.name < other.name ? -1 : 1))
    .slice(0, limit)
}

const path = 'orchestrator.crm.find_duplicates'

async function subjectOf(ctx: Context, doctype: string, document: Record<string, unknown>): Promise<Subject> {
  const traits = comparable[doctype] as Traits
  const organization = String(document.organization ?? '')
  if (!organization) throw new BadInput({ method: path, field: 'values.organization', reason: 'is needed' })
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null)
  const title =
    text(document[traits.title]) ??
    ([document.first_name, document.middle_name, document.last_name].filter((part) => text(part) !== null).join(' ') ||
      (text(document.company_name) ?? ''))
  const rows = (table: string, field: string) => ((document[table] as AnyDocument[] | undefined) ?? []).map((row) => text(row[field]))
  const numbers = [text(document.phone), text(document.mobile_no), ...(Array.isArray(document.phone_nos) ? rows('phone_nos', 'phone') : [])]
  const phones: string[] = []
  for (const number of numbers) {
    // What is no number finds nobody; that it cannot be stored is said when it is stored.
    const key = await phoneKey(ctx, organization, number, 'values.phone', number)
    if (key && !phones.includes(key)) phones.push(key)
  }
  const name = text(document.name)
  return { ...(name && { name }), organization, title, mail: mailKey(text(document[traits.mail])), phones }
}

/** Asked before saving (`values`) and about what is stored (`name`). */
export const findDuplicates = defineMethod({
  path,
  summary: 'Leads, contacts or customers that look like one, with the reasons; of those that the caller may read.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    doctype: Type.String({ minLength: 1, maxLength: 140 }),
    name: Type.Optional(Type.String({ maxLength: 140 })),
    values: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    /** DocTypes to look in; default: the one that is asked about. */
    among: Type.Optional(Type.Array(Type.String())),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  }),
  rule: checkedPerDocument('the document is read, and others are listed, as the caller'),
  async handler(ctx, given) {
    const doctype = (await ctx.site.meta.get(given.doctype)).name
    if (!Object.hasOwn(comparable, doctype))
      throw new BadInput({ method: path, field: 'doctype', reason: `must be one of ${Object.keys(comparable).join(', ')}` })
    const document = given.name ? await getDocument(ctx, doctype, given.name) : { ...given.values }
    const subject = await subjectOf(ctx, doctype, document as Record<string, unknown>)
    const found: Duplicate[] = []
    for (const [index, other] of (given.among ?? [doctype]).entries()) {
      if (!Object.hasOwn(comparable, other)) throw new BadInput({ method: path, field: `among[${index}]`, reason: 'is not compared' })
      if (!(await can(ctx, 'read', other))) continue
      found.push(...(await duplicatesOf(ctx, other, other === doctype ? subject : withoutName(subject), given.limit ?? 20)))
    }
    return found.sort((one, other) => other.score - one.score).slice(0, given.limit ?? 20)
  },
})

const withoutName = ({ name: _name, ...rest }: Subject): Subject => rest
