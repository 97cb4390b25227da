import { conditionHolds } from '#kernel/automation/condition.ts'
import { type Person, peopleNamed, peopleWithRoles } from '#kernel/automation/people.ts'
import { publicData } from '#kernel/automation/public-data.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { renderTemplate } from '#kernel/templates/render.ts'

/** People of one role that one notification reaches. */
const mostPeople = 1000

interface RecipientRow {
  receiver_by_document_field: string | null
  receiver_by_role: string | null
  cc: string | null
  bcc: string | null
  condition: string | null
}

/** Who is told: users, and addresses of people without an account. */
export interface Recipients {
  readonly people: readonly Person[]
  readonly outsiders: readonly string[]
}

/** Gathers whom a Notification is for, each once. Users who are disabled are told nothing, by none of their addresses. */
export async function recipientsOf(ctx: Context, rule: AnyDocument, document: AnyDocument): Promise<Recipients> {
  const people = new Map<string, Person>()
  const named: string[] = []
  for (const row of (rule.recipients ?? []) as RecipientRow[]) {
    if (!conditionHolds(ctx, row.condition, document)) continue
    if (row.receiver_by_role)
      for (const person of await peopleWithRoles(ctx, [row.receiver_by_role], mostPeople)) people.set(person.name, person)
    if (row.receiver_by_document_field) named.push(...namedIn(document, row.receiver_by_document_field))
    for (const list of [row.cc, row.bcc]) if (list) named.push(...(await addresses(ctx, list, document)))
  }
  if (rule.send_to_all_assignees === 1) named.push(...(await assignees(ctx, document)))
  for (const person of await peopleNamed(ctx, named)) people.set(person.name, person)
  return { people: [...people.values()], outsiders: await withoutAccount(ctx, named) }
}

/** `field`, `owner`, or `field,table`; a value may list several. */
function namedIn(document: AnyDocument, source: string): string[] {
  const [field = '', table] = source.split(',').map((part) => part.trim())
  const rows = table ? ((document[table] as AnyDocument[] | undefined) ?? []) : [document]
  return rows.flatMap((row) => split(String(row[field] ?? '')))
}

function split(text: string): string[] {
  return text
    .split(/[,;\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

async function addresses(ctx: Context, list: string, document: AnyDocument): Promise<string[]> {
  return split(await renderTemplate(ctx, list, { doc: await publicData(ctx, document) }, { escape: 'none' }))
}

async function assignees(ctx: Context, document: AnyDocument): Promise<string[]> {
  const rows = await ctx.db.query<{ allocated_to: string }>(
    ctx.db.dialect.compile(
      sql`select distinct allocated_to from ${ident('tabToDo')} where reference_type = ${document.doctype}
        and reference_name = ${String(document.name)} and status = ${'Open'} and allocated_to is not null`,
    ),
  )
  return rows.map((row) => row.allocated_to)
}

async function withoutAccount(ctx: Context, named: readonly string[]): Promise<string[]> {
  const outsiders: string[] = []
  for (const address of new Set(named.filter((one) => /^[^\s@]+@[^\s@]+$/.test(one)))) {
    const [user] = await ctx.db.query(
      ctx.db.dialect.compile(sql`select name from ${ident('tabUser')} where name = ${address} or email = ${address}`),
    )
    if (!user) outsiders.push(address)
  }
  return outsiders
}
