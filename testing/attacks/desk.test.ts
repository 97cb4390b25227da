import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyCase, marks, openFort, type PersonName, theirs } from './fort.ts'

const fort = await openFort()
const asAdmin = async (path: string) => (await fort.ask('admin', 'GET', `/api/v2/document/${path}`)).json.data

test('words that one organisation invents as tags are not told to another', async () => {
  const tag = `${marks.other} merger`
  assert.equal(
    (await fort.method('bob', 'frappe.desk.doctype.tag.tag.add_tag', { dt: 'Fort Ticket', dn: `${marks.other}-ticket-1`, tag })).status,
    200,
  )
  assert.equal(
    (await fort.method('ann', 'frappe.desk.doctype.tag.tag.add_tag', { dt: 'Fort Ticket', dn: 'A-ticket-1', tag: 'urgent' })).status,
    200,
  )
  for (const who of ['ann', 'chief', 'rita', 'mal'] as const) {
    for (const body of [
      {},
      { txt: '' },
      { txt: marks.other.slice(0, 4) },
      { doctype: 'Fort Ticket', txt: '' },
      { doctype: 'Fort Ticket', txt: marks.other.slice(0, 4) },
      { txt: '%' },
    ])
      await fort.method(who, 'frappe.desk.doctype.tag.tag.get_tags', body)
    await fort.method(who, 'frappe.client.get_list', { doctype: 'Tag', fields: ['*'], limit_page_length: 0 })
    await fort.method(who, 'frappe.desk.search.search_link', { doctype: 'Tag', txt: '' })
    await fort.method(who, 'frappe.desk.reportview.get_sidebar_stats', { doctype: 'Fort Ticket', stats: ['_user_tags'] })
    await fort.method(who, 'frappe.desk.reportview.get_stats', {
      doctype: 'Fort Ticket',
      stats: ['_user_tags', '_comments', '_assign', '_liked_by'],
    })
  }
  const { json } = await fort.method('rita', 'frappe.desk.doctype.tag.tag.get_tags', { doctype: 'Fort Ticket', txt: 'ur' })
  assert.deepEqual(json.message, ['urgent'])
})

test('records about a document are changed by those who may change it, and words by who said them', async () => {
  const comment = (
    await fort.method('chief', 'frappe.desk.form.utils.add_comment', {
      reference_doctype: 'Fort Ticket',
      reference_name: 'A-ticket-1',
      content: 'mine',
      comment_email: 'ann@example.com',
      comment_by: 'Ann',
    })
  ).json.message
  assert.equal(comment.comment_email, 'chief@example.com')
  await fort.method('chief', 'frappe.desk.form.assign_to.add', {
    doctype: 'Fort Ticket',
    name: 'A-ticket-1',
    assign_to: ['chief@example.com'],
  })
  await fort.method('chief', 'frappe.share.add', { doctype: 'Fort Ticket', name: 'A-ticket-1', user: 'rita@example.com', read: 1 })
  const file = (
    await fort.method('chief', 'frappe.client.attach_file', {
      doctype: 'Fort Ticket',
      docname: 'A-ticket-1',
      filename: 'a.txt',
      filedata: 'x',
      is_private: 1,
    })
  ).json.message
  const attempts: readonly [PersonName, string, Record<string, unknown>][] = [
    ['ann', 'frappe.desk.form.utils.update_comment', { name: comment.name, content: 'changed' }],
    ['rita', 'frappe.desk.form.utils.update_comment', { name: comment.name, content: 'changed' }],
    ['rita', 'frappe.desk.form.assign_to.remove', { doctype: 'Fort Ticket', name: 'A-ticket-1', assign_to: 'chief@example.com' }],
    ['rita', 'frappe.desk.form.assign_to.close', { doctype: 'Fort Ticket', name: 'A-ticket-1', assign_to: 'chief@example.com' }],
    ['rita', 'frappe.desk.form.assign_to.remove_multiple', { doctype: 'Fort Ticket', names: ['A-ticket-1'], ignore_permissions: 1 }],
    ['bob', 'frappe.desk.form.assign_to.remove_multiple', { doctype: 'Fort Ticket', names: ['A-ticket-1'], ignore_permissions: 1 }],
    ['bob', 'frappe.desk.form.assign_to.add_multiple', { doctype: 'Fort Ticket', name: ['A-ticket-1'], assign_to: ['bob@example.com'] }],
    [
      'rita',
      'frappe.share.set_permission',
      { doctype: 'Fort Ticket', name: 'A-ticket-1', user: 'rita@example.com', permission_to: 'write', value: 1 },
    ],
    ['rita', 'frappe.share.add', { doctype: 'Fort Ticket', name: 'A-ticket-1', user: 'mal@example.com', read: 1 }],
    ['rita', 'frappe.desk.doctype.tag.tag.add_tag', { dt: 'Fort Ticket', dn: 'A-ticket-1', tag: 'x' }],
    ['rita', 'frappe.desk.form.utils.remove_attach', { fid: file.name, dt: 'Fort Ticket', dn: 'A-ticket-1' }],
    ['rita', 'frappe.desk.form.save.savedocs', { doc: { doctype: 'Fort Ticket', name: 'A-ticket-1', subject: 'x' }, action: 'Save' }],
    ['rita', 'frappe.desk.form.save.savedocs', { doc: { doctype: 'Fort Ticket', name: 'A-ticket-1' }, action: 'Submit' }],
    [
      'rita',
      'frappe.desk.form.save.savedocs',
      { doc: { doctype: 'Fort Ticket', __islocal: 1, name: 'new-1', organization: 'Org A' }, action: 'Save' },
    ],
    ['rita', 'frappe.desk.form.save.discard', { doctype: 'Fort Ticket', name: 'A-ticket-1' }],
    [
      'chief',
      'frappe.desk.form.save.savedocs',
      { doc: { doctype: 'Fort Ticket', __islocal: 1, name: 'new-1', __newname: 'new', organization: theirs }, action: 'Save' },
    ],
    [
      'chief',
      'frappe.desk.form.save.savedocs',
      { doc: { doctype: 'Fort Ticket', name: `${marks.other}-ticket-1`, subject: 'x' }, action: 'Update' },
    ],
    [
      'chief',
      'frappe.desk.treeview.add_node',
      { doctype: 'Fort Region', parent: `${marks.other}-region`, name: 'planted', organization: 'Org A' },
    ],
    ['chief', 'frappe.desk.treeview.add_node', { doctype: 'Fort Region', is_root: 1, name: 'planted', organization: theirs }],
    ['rita', 'frappe.desk.treeview.add_node', { doctype: 'Fort Region', parent: 'A-region', name: 'planted', organization: 'Org A' }],
    ['rita', 'frappe.model.rename_doc.update_document_title', { doctype: 'Fort Ticket', docname: 'A-ticket-1', title: 'x' }],
    ['chief', 'frappe.model.rename_doc.update_document_title', { doctype: 'Fort Ticket', docname: `${marks.other}-ticket-1`, title: 'x' }],
    ['rita', 'frappe.desk.form.linked_with.cancel_all_linked_docs', { docs: [{ doctype: 'Fort Ticket', name: 'A-ticket-1' }] }],
    ['bob', 'frappe.desk.form.linked_with.cancel_all_linked_docs', { docs: [{ doctype: 'Fort Ticket', name: 'A-ticket-1' }] }],
    ['mal', 'frappe.desk.form.load.getdoctype', { doctype: 'Fort Vault' }],
    ['mal', 'frappe.desk.form.load.getdoctype', { doctype: 'Fort Ticket', with_parent: 1 }],
    ['guest', 'frappe.desk.form.load.getdoctype', { doctype: 'User' }],
    ['mal', 'orchestrator.audit.verify', {}],
    ['mal', 'orchestrator.permissions.explain', { doctype: 'Fort Vault', user: 'Administrator' }],
    ['guest', 'frappe.realtime.get_user_info', {}],
    ['guest', 'frappe.model.utils.user_settings.save', { doctype: 'User', user_settings: '{}' }],
    ['guest', 'frappe.core.doctype.user.user.sign_up', { email: 'new@example.com', full_name: 'New' }],
    ['mal', 'orchestrator.identity.sessions', { user: 'ann@example.com' }],
    ['mal', 'orchestrator.identity.keys', { user: 'ann@example.com' }],
    ['mal', 'orchestrator.identity.disable_two_factor', { user: 'ann@example.com' }],
  ]
  await fort.writesNothing(() => everyCase(attempts, ([who, method, body]) => fort.refused(who, 'POST', `/api/method/${method}`, { body })))
  // One that goes through leaves what it could not delete.
  await fort.method('rita', 'frappe.desk.reportview.delete_items', {
    doctype: 'Fort Ticket',
    items: ['A-ticket-1', `${marks.other}-ticket-1`],
  })
  await fort.method('chief', 'frappe.desk.reportview.delete_items', { doctype: 'Fort Ticket', items: [`${marks.other}-ticket-1`] })
  assert.equal((await asAdmin(`Fort Ticket/${marks.other}-ticket-1`)).docstatus, 0)
  assert.equal((await asAdmin('Fort Ticket/A-ticket-1')).docstatus, 0)
})

test('a search that asks to ignore User Permissions stays inside the tenant', async () => {
  for (const who of ['ann', 'rita', 'pia'] as const)
    for (const doctype of ['Fort Client', 'Fort Ticket', 'Organization', 'Fort Region'])
      for (const more of [
        { ignore_user_permissions: 1 },
        { ignore_user_permissions: 1, reference_doctype: 'Fort Ticket', link_fieldname: 'client' },
        { query: 'frappe.desk.search.search_widget' },
        { query: 'frappe.client.get_list' },
        { filters: '{"organization":["!=",""]}' },
        { page_length: 1_000_000 },
        { page_length: -1 },
        { start: 1 },
        { searchfield: 'name' },
      ])
        await fort.method(who, 'frappe.desk.search.search_link', { doctype, txt: '', ...more })
})

test('what somebody is given of a share ends at the wall of the tenant', async () => {
  await fort.method('bob', 'frappe.share.add', {
    doctype: 'Fort Ticket',
    name: `${marks.other}-ticket-2`,
    user: 'ann@example.com',
    read: 1,
    write: 1,
    share: 1,
  })
  await fort.method('bob', 'frappe.share.add', { doctype: 'Fort Ticket', name: `${marks.other}-ticket-2`, everyone: 1, read: 1 })
  for (const who of ['ann', 'mal', 'guest'] as const) await fort.refused(who, 'GET', `/api/resource/Fort Ticket/${marks.other}-ticket-2`)
  assert.equal((await fort.method('ann', 'frappe.client.get_count', { doctype: 'Fort Ticket' })).json.message, 3)
})

test('settings of one user are not another’s', async () => {
  await fort.method('bob', 'frappe.model.utils.user_settings.save', {
    doctype: 'Fort Ticket',
    user_settings: JSON.stringify({ note: marks.other }),
  })
  await fort.method('ann', 'frappe.model.utils.user_settings.get', { doctype: 'Fort Ticket' })
  await fort.method('ann', 'frappe.model.utils.user_settings.save', {
    doctype: 'Fort Ticket',
    user_settings: '{"a":1}',
    user: 'bob@example.com',
  })
  assert.ok((await fort.method('bob', 'frappe.model.utils.user_settings.get', { doctype: 'Fort Ticket' })).text.includes(marks.other))
})

test('a method of a document runs on the stored document, with the caller’s rights', async () => {
  await fort.writesNothing(async () => {
    for (const method of [
      'save',
      'insert',
      'delete',
      'validate',
      'on_update',
      'before_insert',
      'constructor',
      '__proto__',
      'toString',
      'hasOwnProperty',
      'db_set',
      'save_customization',
    ]) {
      await fort.refused('ann', 'POST', '/api/method/run_doc_method', { body: { dt: 'Fort Ticket', dn: 'A-ticket-1', method } })
      await fort.refused('ann', 'POST', '/api/method/run_doc_method', {
        body: { docs: JSON.stringify({ doctype: 'Fort Vault', name: 'vault-1', jewel: 'x' }), method },
      })
      await fort.refused('ann', 'POST', `/api/v2/document/Fort Ticket/A-ticket-1/method/${method}`, { body: {} })
      await fort.refused('ann', 'GET', `/api/resource/Fort Ticket/A-ticket-1?run_method=${method}`)
      await fort.refused('ann', 'POST', '/api/v2/method/run_doc_method', {
        body: { document: { doctype: 'User', name: 'ann@example.com', enabled: 1 }, method },
      })
    }
  })
})
