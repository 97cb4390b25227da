import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { isListed, levels, mayDo } from './model.ts'
import { run } from './settle.ts'
import type { Question, Stage } from './stage.ts'
import type { DocumentFact, World, WorldUser } from './world.ts'

/** A document that no answer may speak of: neither listed nor to be chosen nor read. */
export function isUnseen(world: World, user: WorldUser, fact: DocumentFact): boolean {
  return !isListed(world, user, 'read', fact) && !isListed(world, user, 'select', fact) && !mayDo(world, user, 'read', fact)
}

/** Changes the secrets that the user may not read, and more in the documents that the user may not read at all. */
export async function changeUnseen(ctx: Context, world: World, user: WorldUser): Promise<void> {
  const text = hashName()
  for (const fact of world.documents) {
    const { doctype, name } = fact
    const isHidden = isUnseen(world, user, fact)
    // Notes of Cases and Memos decide about rights in some worlds; those of regions never do.
    if (doctype === 'Region' && isHidden) await run(ctx, sql`update ${ident('tabRegion')} set note = ${text} where name = ${name}`)
    if (doctype !== 'Case' && doctype !== 'Memo') continue
    if (!isHidden && levels(world, user, doctype, 'read').has(1)) continue
    await run(ctx, sql`update ${ident(`tab${doctype}`)} set secret = ${text} where name = ${name}`)
    if (doctype === 'Case') await run(ctx, sql`update ${ident('tabCase Visit')} set secret = ${text} where parent = ${name}`)
    if (!isHidden) continue
    await run(ctx, sql`update ${ident(`tab${doctype}`)} set modified = ${'2026-11-21 00:00:00.000000'} where name = ${name}`)
    await run(
      ctx,
      sql`update ${ident('tabComment')} set content = ${text} where reference_doctype = ${doctype} and reference_name = ${name}`,
    )
    if (doctype === 'Memo') continue
    await run(ctx, sql`update ${ident('tabCase')} set phone = ${text} where name = ${name}`)
    await run(ctx, sql`update ${ident('tabCase Visit')} set note = ${text} where parent = ${name}`)
  }
}

/** Takes away the Memos that the user does not see. Nothing points to a Memo, so all else stays as it was. */
export async function removeUnseen(ctx: Context, world: World, user: WorldUser): Promise<void> {
  for (const fact of world.documents)
    if (fact.doctype === 'Memo' && isUnseen(world, user, fact))
      await run(ctx, sql`delete from ${ident('tabMemo')} where name = ${fact.name}`)
}

/** What many different questions about what there is are answered, refusals included, without the marks of the single request. */
export async function answersToLists(stage: Stage, user: WorldUser): Promise<string[]> {
  const post = (path: string, body: object): Question => ({ verb: 'POST', path: `/api/method/${path}`, body })
  const questions: Question[] = []
  for (const doctype of ['Case', 'Memo']) {
    const link = doctype === 'Memo' ? 'about' : 'region'
    questions.push(
      { path: `/api/v2/document/${doctype}`, query: { fields: ['*'], include: 'count,link_titles', limit: 100 } },
      { path: `/api/v2/document/${doctype}`, query: { fields: ['name', link], expand: [link], limit: 2 } },
      { path: `/api/resource/${doctype}`, query: { fields: ['name', `${link}.note`], order_by: `${link}.note desc` } },
      { path: `/api/resource/${doctype}`, query: { filters: [['secret', 'like', '%e%']] } },
      { path: `/api/v2/doctype/${doctype}/search`, query: { txt: 'e' } },
      post('frappe.client.get_list', { doctype, fields: ['count(name) as total', 'note'], group_by: 'note', order_by: 'note asc' }),
      post('frappe.client.get_list', {
        doctype,
        fields: ['name'],
        or_filters: [
          [`${link}.note`, 'is', 'set'],
          ['note', '=', 'open'],
        ],
      }),
      post('frappe.client.get_list', { doctype, fields: ['max(modified) as latest'] }),
      post('frappe.client.get_count', { doctype, filters: [['note', '!=', 'x']] }),
      post('frappe.client.get_value', { doctype, fieldname: 'name', filters: [['modified', '>', '2026-11-20 12:00:00']] }),
      post('frappe.desk.reportview.get', { doctype, fields: ['name', 'note', 'modified'], order_by: 'modified desc' }),
      post('frappe.desk.reportview.get_stats', { doctype, stats: ['note', link] }),
      post('frappe.desk.search.search_link', { doctype, txt: '' }),
    )
  }
  questions.push(
    post('frappe.client.get_list', { doctype: 'Case', fields: ['name', 'visits.note'], filters: [['Case Visit', 'note', 'like', '%a%']] }),
    post('frappe.client.get_list', { doctype: 'Case Visit', parent: 'Case', fields: ['*'] }),
    post('frappe.client.get_list', { doctype: 'Region', fields: ['name', 'note'], order_by: 'note asc, name asc' }),
    post('frappe.client.get_list', { doctype: 'Comment', fields: ['*'] }),
  )
  return answersTo(stage, user, questions)
}

/** What is answered about every document by name. */
export function answersByName(stage: Stage, world: World, user: WorldUser): Promise<string[]> {
  const questions = world.documents.flatMap(({ doctype, name }): Question[] => [
    { path: `/api/resource/${doctype}/${name}`, query: { expand_links: 1 } },
    { path: `/api/v2/document/${doctype}/${name}`, query: { include: 'comments,attachments,permissions' } },
    { verb: 'POST', path: '/api/method/frappe.desk.form.load.getdoc', body: { doctype, name } },
    { verb: 'POST', path: '/api/method/frappe.client.get_value', body: { doctype, fieldname: 'secret', filters: name } },
  ])
  return answersTo(stage, user, questions)
}

async function answersTo(stage: Stage, user: WorldUser, questions: readonly Question[]): Promise<string[]> {
  const told: string[] = []
  for (const question of questions) {
    const { status, text } = await stage.ask(user.name, question)
    told.push(
      `${question.path} ${JSON.stringify(question.query ?? question.body)}: ${status} ${text.replaceAll(/"request_?[iI]d":"[^"]*"/g, '')}`,
    )
  }
  return told
}
