import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStage } from './stage.ts'
import type { DocumentFact, RightName, RowFact, World } from './world.ts'

const stage = await openStage('sqlite')
const blank = { organization: '', region: '', about: '', note: '', visits: [], parentRegion: '' }
const row = (doctype: RowFact['doctype'], rights: RightName[], ifOwner = false): RowFact => ({
  doctype,
  role: 'Clerk',
  level: 0,
  rights,
  ifOwner,
  mask: false,
})
const memo = (name: string, owner: string, values: Partial<DocumentFact> = {}): DocumentFact => ({
  ...blank,
  doctype: 'Memo',
  name,
  owner,
  note: `note of ${name}`,
  ...values,
})

/** A world in which ann is a clerk with these rights. */
function worldWith(rows: RowFact[], documents: DocumentFact[]): World {
  return {
    strictLinks: false,
    hooks: { memoNotHidden: false, caseOpenNotes: false, caseNotClosed: false },
    users: [{ name: 'ann', roles: ['Clerk'] }],
    rows,
    permissions: [{ user: 'ann', allow: 'Organization', value: 'North', hideDescendants: false }],
    shares: [],
    documents,
  }
}

const method = (path: string, body: object) => stage.ask('ann', { verb: 'POST', path: `/api/method/${path}`, body })

test('an export holds only rows that the right to export covers, not all that may be read', async () => {
  const rows = [row('Memo', ['read']), row('Memo', ['export'], true)]
  await stage.enact(worldWith(rows, [memo('M1', 'ann'), memo('M2', 'ben')]))
  const { text } = await stage.ask('ann', {
    path: '/api/method/frappe.desk.reportview.export_query',
    query: { doctype: 'Memo', fields: ['name'] },
  })
  assert.match(text, /M1/)
  assert.doesNotMatch(text, /M2/)
})

test('who may write a document but not read it is told its name, and nothing that it or others about it say', async () => {
  const rows = [row('Memo', ['write', 'create']), row('Memo', ['read'], true)]
  await stage.enact(worldWith(rows, [memo('M2', 'ben')]))
  const doc = { doctype: 'Memo', name: 'M2', region: null }
  const answers = [
    await stage.ask('ann', { verb: 'PUT', path: '/api/resource/Memo/M2', body: { region: null } }),
    await stage.ask('ann', { verb: 'PATCH', path: '/api/v2/document/Memo/M2', body: { region: null } }),
    await method('frappe.client.set_value', { doctype: 'Memo', name: 'M2', fieldname: { region: null } }),
    await method('frappe.client.save', { doc }),
    await method('frappe.desk.form.save.savedocs', { doc, action: 'Save' }),
  ]
  for (const { status, text } of answers) {
    assert.equal(status, 200, text)
    assert.match(text, /"name":"M2"/)
    assert.doesNotMatch(text, /note of M2|talk about M2/)
  }
})

test('what keeps a document from being deleted is named only to who may read it', async () => {
  const subject: DocumentFact = { ...blank, doctype: 'Case', name: 'C1', owner: 'ann', organization: 'North' }
  const rows = [row('Case', ['read', 'delete']), row('Memo', ['read'], true)]
  await stage.enact(worldWith(rows, [subject, memo('M1', 'ann', { about: 'C1' }), memo('M2', 'ben', { about: 'C1' })]))
  const some = await stage.ask('ann', { verb: 'DELETE', path: '/api/v2/document/Case/C1' })
  assert.deepEqual([some.status, some.json.errors[0].message], [417, 'Case C1 is still used by Memo M1, other documents.'])
  await stage.enact(worldWith(rows, [subject, memo('M2', 'ben', { about: 'C1' })]))
  const none = await method('frappe.client.delete', { doctype: 'Case', name: 'C1' })
  assert.equal(none.status, 417)
  assert.doesNotMatch(none.text, /M2/)
})

test('a document that was shared beyond the User Permissions of a user can be commented on by that user', async () => {
  const world = worldWith([], [{ ...blank, doctype: 'Region', name: 'Asia', owner: 'ben' }, memo('M1', 'ben', { region: 'Asia' })])
  const shares = [{ user: 'ann', doctype: 'Memo' as const, name: 'M1', rights: ['read' as const] }]
  const permissions = [{ user: 'ann', allow: 'Region' as const, value: 'Europe', hideDescendants: false }]
  const remark = { reference_doctype: 'Memo', reference_name: 'M1', content: 'Seen.' }
  await stage.enact({ ...world, permissions, shares })
  assert.equal((await method('frappe.desk.form.utils.add_comment', remark)).status, 200)
  await stage.enact({ ...world, permissions })
  assert.equal((await method('frappe.desk.form.utils.add_comment', remark)).status, 403)
})
