import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testServer } from '#testing/server.ts'

const server = await testServer()
const danaName = await server.user('dana@example.com', ['Desk User'])
await server.user('erin@example.com', ['Desk User'])
const dana = await server.keyOf(danaName)
const erin = await server.keyOf('erin@example.com')

const call = (path: string, body: object = {}, as?: string) =>
  server.call('POST', `/api/method/${path}`, { body, ...(as !== undefined && { as }) })
/** The result of a call that must succeed. */
async function result(path: string, body: object = {}, as?: string) {
  const answer = await call(path, body, as)
  assert.equal(answer.status, 200, `${path}: ${answer.text.slice(0, 400)}`)
  return answer.json.message
}
async function refusal(path: string, body: object, as?: string) {
  const answer = await call(path, body, as)
  assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status} ${answer.text.slice(0, 300)}`)
  return [answer.status, answer.json.exc_type]
}

/** Refused because it is not the caller's: whoever may not even see a document gets the answer for one that is not there. */
async function notTheirs(path: string, body: object, as: string) {
  const [status, type] = await refusal(path, body, as)
  assert.ok(
    (status === 403 && type === 'PermissionError') || (status === 404 && type === 'DoesNotExistError'),
    `${path}: ${status} ${type}`,
  )
}

const note = (title: string, values: object = {}) => server.make('Note', { title, ...values })

test('frappe.client: a document is inserted, saved, set, read and deleted', async () => {
  const added = await result('frappe.client.insert', { doc: JSON.stringify({ doctype: 'ToDo', description: 'a' }) }, dana)
  assert.equal(added.color, null, 'empty fields are there')
  const saved = await result('frappe.client.save', { doc: { ...added, description: 'b' } }, dana)
  assert.equal(saved.description, 'b')
  assert.deepEqual(await refusal('frappe.client.save', { doc: { ...added, description: 'c' } }, dana), [417, 'TimestampMismatchError'])
  const set = { doctype: 'ToDo', name: added.name }
  assert.equal((await result('frappe.client.set_value', { ...set, fieldname: 'status', value: 'Closed' }, dana)).status, 'Closed')
  assert.equal(
    (await result('frappe.client.set_value', { ...set, fieldname: { status: 'Open', priority: 'High' } }, dana)).priority,
    'High',
  )
  assert.equal((await result('frappe.client.set_value', { ...set, fieldname: '{"priority":"Low"}' }, dana)).priority, 'Low')
  assert.deepEqual(
    await result('frappe.client.get_value', { doctype: 'ToDo', fieldname: '["status","priority"]', filters: added.name }, dana),
    { status: 'Open', priority: 'Low' },
  )
  assert.deepEqual(
    await result('frappe.client.get_value', { doctype: 'ToDo', fieldname: 'status', filters: '{"name":"nobody"}' }, dana),
    {},
  )
  assert.equal((await result('frappe.client.get', { doctype: 'ToDo', filters: { name: added.name } }, dana)).name, added.name)
  assert.equal(await result('frappe.client.delete', set, dana), undefined)
})

test("frappe.client: what is not the caller's is refused by every method", async () => {
  const { name } = await result('frappe.client.insert', { doc: { doctype: 'ToDo', description: 'danas' } }, dana)
  const target = { doctype: 'ToDo', name }
  for (const [path, body] of [
    ['get', target],
    ['delete', target],
    ['set_value', { ...target, fieldname: 'status', value: 'Closed' }],
    ['save', { doc: { ...target, description: 'x' } }],
    ['submit', { doc: target }],
    ['cancel', target],
    ['rename_doc', { doctype: 'ToDo', old_name: name, new_name: 'mine' }],
    ['get_doc_permissions', { doctype: 'ToDo', docname: name }],
    ['is_document_amended', { doctype: 'ToDo', docname: name }],
    ['attach_file', { filename: 'a.txt', filedata: 'x', doctype: 'ToDo', docname: name }],
    ['get_single_value', { doctype: 'System Settings', field: 'time_zone' }],
    ['get_list', { doctype: 'User API Key' }],
    ['insert', { doc: { doctype: 'Role', role_name: 'Mine' } }],
    ['get_password', { ...target, fieldname: 'description' }],
  ] as const)
    await notTheirs(`frappe.client.${path}`, body, erin)
  assert.deepEqual(await result('frappe.client.get_list', { doctype: 'ToDo', filters: { name } }, erin), [])
  assert.deepEqual(await result('frappe.client.get_value', { doctype: 'ToDo', fieldname: 'status', filters: name }, erin), {})
  assert.equal(await result('frappe.client.get_count', { doctype: 'ToDo', filters: { name } }, erin), 0)
  assert.deepEqual(await result('frappe.client.has_permission', { doctype: 'ToDo', docname: name }, erin), { has_permission: false })
  assert.deepEqual(await result('frappe.client.validate_link', { doctype: 'ToDo', docname: name }, erin), {})
  assert.deepEqual(
    (await result('frappe.client.bulk_update', { docs: [{ ...target, docname: name, status: 'Closed' }] }, erin)).failed_docs.length,
    1,
  )
  assert.equal((await result('frappe.client.get', target, dana)).status, 'Open')
})

test('frappe.client.insert_many adds all or none', async () => {
  const docs = [
    { doctype: 'ToDo', description: 'many' },
    { doctype: 'ToDo', description: 'many', status: 'Nonsense' },
  ]
  await refusal('frappe.client.insert_many', { docs })
  assert.equal(await result('frappe.client.get_count', { doctype: 'ToDo', filters: { description: 'many' } }), 0)
  assert.equal((await result('frappe.client.insert_many', { docs: [docs[0], docs[0]] })).length, 2)
  await refusal('frappe.client.insert_many', { docs: Array.from({ length: 201 }, () => docs[0]) })
})

test('rows of a child table are added, changed and removed through their document', async () => {
  const user = (values: object = {}) => ({ doctype: 'Has Role', parent: danaName, parenttype: 'User', parentfield: 'roles', ...values })
  const grown = await result('frappe.client.insert', { doc: user({ role: 'System Manager' }) })
  assert.equal(grown.doctype, 'User')
  const row = grown.roles.find((one: { role: string }) => one.role === 'System Manager')
  assert.equal((await result('frappe.client.get', { doctype: 'Has Role', name: row.name })).role, 'System Manager')
  assert.deepEqual(await refusal('frappe.client.delete', { doctype: 'Has Role', name: row.name }, erin), [403, 'PermissionError'])
  assert.deepEqual(await refusal('frappe.client.delete', { doctype: 'Has Role', name: 'nobody' }, erin), [403, 'PermissionError'])
  await result('frappe.client.delete', { doctype: 'Has Role', name: row.name })
  assert.ok(
    !(await result('frappe.client.get', { doctype: 'User', name: danaName })).roles.some(
      (one: { role: string }) => one.role === 'System Manager',
    ),
  )
})

test('search finds what the caller may choose, and a query of the server is not offered', async () => {
  const found = await result('frappe.desk.search.search_link', { doctype: 'User', txt: 'dana' })
  assert.equal(found[0].value, danaName)
  assert.equal((await result('frappe.desk.search.search_widget', { doctype: 'User', txt: 'dana' }))[0][0], danaName)
  assert.deepEqual(await refusal('frappe.desk.search.search_link', { doctype: 'Audit Entry', txt: '' }, erin), [403, 'PermissionError'])
  assert.deepEqual(await refusal('frappe.desk.search.search_link', { doctype: 'User', txt: '', query: 'os.system' }), [
    417,
    'FrappeTypeError',
  ])
})

test('reportview: keys and values, nothing for nothing, statistics, CSV without formulas', async () => {
  await result('frappe.client.insert', { doc: { doctype: 'ToDo', description: '=1+1', priority: 'High' } }, erin)
  const view = { doctype: 'ToDo', fields: '["`tabToDo`.`description`","priority"]', filters: [['priority', '=', 'High']] }
  assert.deepEqual(await result('frappe.desk.reportview.get', view, erin), {
    keys: ['description', 'priority'],
    values: [['=1+1', 'High']],
    user_info: {},
  })
  assert.deepEqual(await result('frappe.desk.reportview.get', { ...view, filters: [['name', '=', 'x']] }, erin), [])
  assert.equal(await result('frappe.desk.reportview.get_count', view, erin), 1)
  assert.deepEqual(
    (await result('frappe.desk.reportview.get_sidebar_stats', { doctype: 'ToDo', stats: '["priority"]' }, erin)).stats.priority,
    [['High', 1]],
  )
  const csv = await call('frappe.desk.reportview.export_query', { ...view, file_format_type: 'CSV' }, server.authorization)
  assert.match(csv.headers.get('content-disposition') ?? '', /^attachment; filename="ToDo.csv"/)
  assert.match(csv.text, /\r\n'=1\+1,High\r\n/)
  assert.equal((await call('frappe.desk.reportview.export_query', { doctype: 'Audit Entry' }, erin)).status, 403)
})

test('a form loads, saves and cancels a document', async () => {
  const saved = await call(
    'frappe.desk.form.save.savedocs',
    { doc: JSON.stringify({ doctype: 'ToDo', __islocal: 1, name: 'new-todo-1', description: 'form' }), action: 'Save' },
    dana,
  )
  assert.equal(saved.json.localname, 'new-todo-1')
  assert.match(saved.json._server_messages, /Saved/)
  const { name } = saved.json.docs[0]
  const loaded = await call('frappe.desk.form.load.getdoc', { doctype: 'ToDo', name }, dana)
  assert.equal(loaded.json.docs[0].name, name)
  assert.equal(loaded.json.docinfo.permissions.write, 1)
  await notTheirs('frappe.desk.form.load.getdoc', { doctype: 'ToDo', name }, erin)
  assert.deepEqual(await refusal('frappe.desk.form.save.savedocs', { doc: loaded.json.docs[0], action: 'Explode' }, dana), [
    417,
    'FrappeTypeError',
  ])
  await notTheirs('frappe.desk.form.save.cancel', { doctype: 'ToDo', name }, dana)
  const meta = await call('frappe.desk.form.load.getdoctype', { doctype: 'User' })
  assert.deepEqual(meta.json.docs.map((doc: { name: string }) => doc.name).slice(0, 2), ['User', 'Has Role'])
  assert.equal((await call('frappe.desk.form.load.getdoctype', { doctype: 'Audit Entry' }, erin)).status, 403)
})

test('comments, assignments, likes and tags belong to those who may see the document', async () => {
  const name = await note('collab', { public: 1 })
  const hidden = await note('hidden')
  await result(
    'frappe.desk.form.utils.add_comment',
    { reference_doctype: 'Note', reference_name: name, content: 'hi', comment_email: 'forged@example.com', comment_by: 'x' },
    dana,
  )
  const { docinfo } = (await call('frappe.desk.form.load.getdoc', { doctype: 'Note', name }, erin)).json
  assert.deepEqual([docinfo.comments[0].content, docinfo.comments[0].comment_email], ['hi', danaName])
  await notTheirs('frappe.desk.form.utils.update_comment', { name: docinfo.comments[0].name, content: 'changed' }, erin)
  await result('frappe.desk.form.utils.update_comment', { name: docinfo.comments[0].name, content: 'changed' }, dana)
  const assigned = await result(
    'frappe.desk.form.assign_to.add',
    { doctype: 'Note', name, assign_to: '["erin@example.com"]', description: 'look' },
    dana,
  )
  assert.equal(assigned[0].owner, 'erin@example.com')
  assert.deepEqual(await result('frappe.desk.form.assign_to.close', { doctype: 'Note', name, assign_to: 'erin@example.com' }, erin), [])
  await result('frappe.desk.like.toggle_like', { doctype: 'Note', name, add: 'Yes' }, erin)
  assert.deepEqual((await server.call('GET', `/api/v2/document/Note/${name}?include=favourites`)).json.favourites, ['erin@example.com'])
  assert.equal(await result('frappe.desk.doctype.tag.tag.add_tag', { tag: 'red', dt: 'Note', dn: name }), 'red')
  await result('frappe.desk.doctype.tag.tag.add_tag', { tag: 'red', dt: 'Note', dn: name })
  assert.deepEqual((await server.call('GET', `/api/v2/document/Note/${name}?include=tags`)).json.tags, ['red'])
  await result('frappe.desk.doctype.tag.tag.remove_tag', { tag: 'red', dt: 'Note', dn: name })
  for (const [path, body] of [
    ['frappe.desk.form.utils.add_comment', { reference_doctype: 'Note', reference_name: hidden, content: 'x' }],
    ['frappe.desk.form.assign_to.add', { doctype: 'Note', name: hidden, assign_to: ['erin@example.com'] }],
    ['frappe.desk.like.toggle_like', { doctype: 'Note', name: hidden, add: 'Yes' }],
    ['frappe.desk.doctype.tag.tag.add_tag', { tag: 'x', dt: 'Note', dn: name }],
    ['frappe.desk.form.assign_to.remove_multiple', { doctype: 'Note', names: [name] }],
    ['frappe.desk.form.linked_with.get', { doctype: 'Note', docname: hidden }],
    ['frappe.realtime.has_permission', { doctype: 'Note', name: hidden }],
  ] as const)
    await notTheirs(path, body, erin)
})

test('a share opens one document, and nobody gives what they do not hold', async () => {
  const name = await note('shared')
  const share = { doctype: 'Note', name, user: 'erin@example.com' }
  await notTheirs('frappe.share.add', { ...share, read: 1 }, dana)
  await result('frappe.share.add', { ...share, read: 1 })
  assert.equal((await server.call('GET', `/api/resource/Note/${name}`, { as: erin })).status, 200)
  assert.equal((await server.call('PUT', `/api/resource/Note/${name}`, { as: erin, body: { title: 'x' } })).status, 403)
  assert.deepEqual(await refusal('frappe.share.set_permission', { ...share, permission_to: 'write', value: 1 }, erin), [
    403,
    'PermissionError',
  ])
  await result('frappe.share.set_permission', { ...share, permission_to: 'write', value: 1 })
  assert.equal((await server.call('PUT', `/api/resource/Note/${name}`, { as: erin, body: { title: 'x' } })).status, 200)
  assert.equal((await result('frappe.share.get_users', { doctype: 'Note', name }, erin))[0].user, 'erin@example.com')
  await result('frappe.share.set_permission', { ...share, permission_to: 'read', value: 0 })
  await notTheirs('frappe.client.get', { doctype: 'Note', name }, erin)
})

test('explain is for those who administer rights', async () => {
  const explained = await result('orchestrator.permissions.explain', { user: 'erin@example.com', doctype: 'Audit Entry' })
  assert.equal(explained.allowed, false)
  assert.deepEqual(await refusal('orchestrator.permissions.explain', { doctype: 'ToDo' }, erin), [403, 'PermissionError'])
})

test('settings of lists belong to the person', async () => {
  await result('frappe.model.utils.user_settings.save', { doctype: 'ToDo', user_settings: '{"List":{"filters":[]}}' }, dana)
  await result('frappe.model.utils.user_settings.save', { doctype: 'ToDo', user_settings: '{"last_view":"List"}' }, dana)
  assert.deepEqual(JSON.parse(await result('frappe.model.utils.user_settings.get', { doctype: 'ToDo' }, dana)), {
    List: { filters: [] },
    last_view: 'List',
  })
  assert.equal(await result('frappe.model.utils.user_settings.get', { doctype: 'ToDo' }, erin), '{}')
  assert.deepEqual(await refusal('frappe.model.utils.user_settings.get', { doctype: 'ToDo' }, ''), [403, 'PermissionError'])
})

test('a tree gives its branches, and the next document is found in the order of the list', async () => {
  const organization = await server.make('Organization', { organization_name: 'Tree Test' }).catch(() => undefined)
  if (organization) assert.deepEqual(await refusal('frappe.desk.treeview.get_children', { doctype: 'ToDo' }), [417, 'FrappeTypeError'])
  await note('next 1')
  await note('next 2')
  const next = { doctype: 'Note', filters: [['title', 'like', 'next %']], sort_field: 'creation', sort_order: 'asc' }
  const list = { doctype: 'Note', filters: next.filters, order_by: 'creation asc, name asc' }
  const [first, second] = (await result('frappe.client.get_list', list)).map((row: { name: string }) => row.name)
  assert.equal(await result('frappe.desk.form.utils.get_next', { ...next, value: first, prev: 0 }), second)
  assert.equal(await result('frappe.desk.form.utils.get_next', { ...next, value: second, prev: 1 }), first)
})

test('every method declares a rule, verbs and a summary, and guests are refused where they must be', async () => {
  for (const method of server.site.apps.methods()) {
    assert.ok(method.rule.kind && method.verbs.length > 0 && method.summary.length > 10, method.path)
    if (method.rule.kind === 'guest' || method.path === 'upload_file') continue
    const input = Object.fromEntries(
      ((method.input as { required?: string[] }).required ?? []).map((name) => [name, name === 'doctype' ? 'User' : 'x']),
    )
    const { status, text } = await server.call(
      method.verbs[0] === 'GET' ? 'POST' : (method.verbs[0] as string),
      `/api/method/${method.path}`,
      { as: '', body: input },
    )
    assert.ok(
      (status >= 400 && status < 500) || text === '{"message":{}}' || /false|"message":\[\]|"message":"x"|failed_docs|^\{\}/.test(text),
      `${method.path}: ${status} ${text.slice(0, 200)}`,
    )
  }
})
