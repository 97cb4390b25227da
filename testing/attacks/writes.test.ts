import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyCase, marks, openFort, type PersonName, theirs } from './fort.ts'

const fort = await openFort()
const asAdmin = async (path: string) => (await fort.ask('admin', 'GET', `/api/v2/document/${path}`)).json.data

test('columns that the platform keeps are not the caller’s to set', async () => {
  const claims = {
    owner: 'Administrator',
    creation: '1999-01-01 00:00:00',
    modified: '1999-01-01 00:00:00',
    modified_by: 'Administrator',
    idx: 77,
    _user_tags: 'x',
    _comments: '[{"x":1}]',
    _assign: '["bob@example.com"]',
    _liked_by: '["bob@example.com"]',
    _seen: '["x"]',
    parent: 'A-ticket-1',
    parenttype: 'Fort Ticket',
    parentfield: 'lines',
    flags: { ignore_permissions: true },
    ignore_permissions: 1,
    ignore_links: 1,
    ignore_mandatory: 1,
    __islocal: 1,
    __unsaved: 1,
    __run_link_triggers: 1,
    docstatus: 0,
    doctype: 'Fort Plain',
    amended_from: 'x',
    lft: 1,
    rgt: 999,
  }
  const known = Object.fromEntries(
    Object.entries(claims).filter(
      ([key]) => !['amended_from', 'lft', 'rgt', 'ignore_links', 'ignore_mandatory', 'parent', 'parenttype', 'parentfield'].includes(key),
    ),
  )
  const ways: ((name: string, values: object) => [string, string, object])[] = [
    (name, values) => ['POST', '/api/resource/Fort Plain', { ...values, name }],
    (name, values) => ['POST', '/api/v2/document/Fort Plain', { ...values, name }],
    (name, values) => ['POST', '/api/method/frappe.client.insert', { doc: { ...values, name, doctype: 'Fort Plain' } }],
    (name, values) => ['POST', '/api/method/frappe.client.insert_many', { docs: [{ ...values, name, doctype: 'Fort Plain' }] }],
    (name, values) => ['POST', '/api/method/frappe.client.save', { doc: { ...values, name, doctype: 'Fort Plain' } }],
    (name, values) => [
      'POST',
      '/api/method/frappe.desk.form.save.savedocs',
      { doc: JSON.stringify({ ...values, name, __newname: name, doctype: 'Fort Plain' }), action: 'Save' },
    ],
  ]
  for (const [index, way] of ways.entries()) {
    for (const values of [claims, known]) {
      const name = `claimed-${index}`
      const [verb, path, body] = way(name, values)
      const answer = await fort.ask('ann', verb, path, { body })
      if (answer.status >= 400) continue
      const made = await asAdmin(`Fort Plain/${name}`)
      assert.equal(made.owner, 'ann@example.com', path)
      assert.equal(made.modified_by, 'ann@example.com')
      assert.ok(made.creation > '2020' && made.modified > '2020')
      assert.equal(made.idx, 0)
      for (const column of ['_user_tags', '_comments', '_assign', '_liked_by', '_seen']) assert.ok(!made[column], `${path}: ${column}`)
    }
  }
  const before = await asAdmin('Fort Plain/plain-1')
  for (const [verb, path, wrap] of [
    ['PUT', '/api/resource/Fort Plain/plain-1', (values: object) => values],
    ['PATCH', '/api/v2/document/Fort Plain/plain-1', (values: object) => values],
    ['POST', '/api/method/frappe.client.set_value', (values: object) => ({ doctype: 'Fort Plain', name: 'plain-1', fieldname: values })],
    [
      'POST',
      '/api/method/frappe.client.bulk_update',
      (values: object) => ({ docs: [{ ...values, doctype: 'Fort Plain', docname: 'plain-1' }] }),
    ],
  ] as const) {
    const { modified: _, ...values } = known
    await fort.ask('ann', verb, path, { body: wrap({ ...values, name: 'renamed' }) })
    const after = await asAdmin('Fort Plain/plain-1')
    for (const column of ['owner', 'creation', 'idx', '_user_tags', '_comments', '_assign', '_liked_by', '_seen', 'docstatus', 'name'])
      assert.equal(after[column], before[column], `${path}: ${column}`)
  }
})

test('a DocType in the body does not switch the table', async () => {
  await fort.writesNothing(async () => {
    await fort.ask('ann', 'POST', '/api/resource/Fort Plain', {
      body: { doctype: 'User', email: 'x@example.com', first_name: 'x', __nothing: 1, roles: [{ role: 'System Manager' }] },
    })
    await fort.ask('ann', 'PUT', '/api/resource/Fort Vault/vault-1', { body: { doctype: 'Fort Plain', label: 'x' } })
    await fort.ask('ann', 'POST', '/api/v2/document/Fort Plain/bulk_update', {
      body: { docs: [{ doctype: 'Fort Vault', name: 'vault-1', jewel: 'stolen' }] },
    })
    await fort.ask('ann', 'POST', '/api/method/run_doc_method', {
      body: { docs: JSON.stringify({ doctype: 'User', name: 'ann@example.com', roles: [{ role: 'System Manager' }] }), method: 'save' },
    })
  })
})

test('levels and masks hold on every way to write, child rows included', async () => {
  const stolen = { salary: 'stolen', client_secret: 'stolen', card: 'stolen' }
  const ticket = await asAdmin('Fort Ticket/A-ticket-1')
  const line = ticket.lines[0]
  const ways: [string, string, object][] = [
    ['PUT', '/api/resource/Fort Ticket/A-ticket-1', stolen],
    ['PATCH', '/api/v2/document/Fort Ticket/A-ticket-1', stolen],
    ['POST', '/api/method/frappe.client.set_value', { doctype: 'Fort Ticket', name: 'A-ticket-1', fieldname: stolen }],
    ['POST', '/api/method/frappe.client.set_value', { doctype: 'Fort Ticket', name: 'A-ticket-1', fieldname: 'salary', value: 'stolen' }],
    ['POST', '/api/method/frappe.client.save', { doc: { doctype: 'Fort Ticket', name: 'A-ticket-1', ...stolen } }],
    ['POST', '/api/method/frappe.client.bulk_update', { docs: [{ doctype: 'Fort Ticket', docname: 'A-ticket-1', ...stolen }] }],
    ['POST', '/api/v2/document/Fort Ticket/bulk_update', { docs: [{ name: 'A-ticket-1', ...stolen }] }],
    ['POST', '/api/v2/batch', { operations: [{ method: 'PUT', path: '/api/v2/document/Fort Ticket/A-ticket-1', body: stolen }] }],
    ['POST', '/api/method/frappe.client.set_value', { doctype: 'Fort Line', name: line.name, fieldname: 'hidden_cost', value: 'stolen' }],
    ['PUT', `/api/resource/Fort Line/${line.name}`, { hidden_cost: 'stolen' }],
    [
      'PUT',
      '/api/resource/Fort Ticket/A-ticket-1',
      { lines: [{ name: line.name, note: line.note, qty: 1, hidden_cost: 'stolen', client: 'A-client' }] },
    ],
    [
      'POST',
      '/api/method/frappe.desk.form.save.savedocs',
      { doc: JSON.stringify({ ...ticket, ...stolen, salary: 'stolen' }), action: 'Save' },
    ],
  ]
  await everyCase(ways, async ([verb, path, body]) => {
    await fort.ask('ann', verb, path, { body })
    const after = await asAdmin('Fort Ticket/A-ticket-1')
    assert.equal(after.salary, ticket.salary, path)
    assert.equal(after.client_secret, ticket.client_secret, path)
    assert.equal(after.card, ticket.card, path)
    assert.equal(after.lines[0]?.hidden_cost, line.hidden_cost, `${path} ${JSON.stringify(body)}`)
  })
  const made = await fort.ask('ann', 'POST', '/api/resource/Fort Ticket', {
    body: { name: 'made', organization: 'Org A', ...stolen, lines: [{ note: 'n', hidden_cost: 'stolen' }] },
  })
  assert.equal(made.status, 200)
  const after = await asAdmin('Fort Ticket/made')
  assert.deepEqual([after.salary, after.client_secret, after.lines[0].hidden_cost], [null, null, null])
})

test('somebody else’s child rows cannot be taken over by their names', async () => {
  const foreignTicket = await asAdmin(`Fort Ticket/${marks.other}-ticket-1`)
  const row = foreignTicket.lines[0].name
  for (const [verb, path, body] of [
    ['PUT', '/api/resource/Fort Ticket/A-ticket-3', { lines: [{ name: row, note: 'stolen', qty: 9 }] }],
    ['POST', '/api/method/frappe.client.set_value', { doctype: 'Fort Line', name: row, fieldname: 'note', value: 'stolen' }],
    ['POST', '/api/method/frappe.client.delete', { doctype: 'Fort Line', name: row }],
    ['PUT', `/api/resource/Fort Line/${row}`, { note: 'stolen' }],
    ['DELETE', `/api/resource/Fort Line/${row}`, undefined],
    [
      'POST',
      '/api/method/frappe.client.insert',
      {
        doc: { doctype: 'Fort Line', parent: `${marks.other}-ticket-1`, parenttype: 'Fort Ticket', parentfield: 'lines', note: 'planted' },
      },
    ],
    [
      'POST',
      '/api/method/frappe.client.insert',
      {
        doc: {
          doctype: 'Fort Ticket',
          parent: `${marks.other}-ticket-1`,
          parenttype: 'Fort Ticket',
          parentfield: 'lines',
          note: 'planted',
        },
      },
    ],
    [
      'POST',
      '/api/resource/Fort Line',
      { parent: `${marks.other}-ticket-1`, parenttype: 'Fort Ticket', parentfield: 'lines', note: 'planted' },
    ],
    [
      'POST',
      '/api/method/frappe.client.insert',
      { doc: { doctype: 'Has Role', parent: 'ann@example.com', parenttype: 'User', parentfield: 'roles', role: 'System Manager' } },
    ],
    [
      'POST',
      '/api/method/frappe.client.insert',
      { doc: { doctype: 'Has Role', parent: 'A-ticket-1', parenttype: 'Fort Ticket', parentfield: 'lines', role: 'System Manager' } },
    ],
    ['POST', '/api/resource/Has Role', { parent: 'ann@example.com', parenttype: 'User', parentfield: 'roles', role: 'System Manager' }],
  ] as const)
    await fort.ask('chief', verb, path, body === undefined ? {} : { body })
  assert.deepEqual(await asAdmin(`Fort Ticket/${marks.other}-ticket-1`), foreignTicket)
  assert.deepEqual(
    (await asAdmin('User/ann@example.com')).roles.map((one: { role: string }) => one.role),
    ['Fort Clerk'],
  )
})

const grants: readonly [string, string, unknown][] = [
  ['PUT', '/api/resource/User/bob@example.com', { enabled: 0 }],
  ['PUT', '/api/resource/User/bob@example.com', { new_password: 'fake-quiet-lamp-7' }],
  ['PUT', '/api/resource/User/Administrator', { new_password: 'fake-quiet-lamp-7' }],
  ['POST', '/api/resource/User', { email: 'new@example.com', first_name: 'x', roles: [{ role: 'System Manager' }] }],
  ['DELETE', '/api/resource/User/bob@example.com', undefined],
  ['POST', '/api/method/frappe.client.rename_doc', { doctype: 'User', old_name: '$me', new_name: 'Administrator', merge: 1 }],
  ['POST', '/api/method/frappe.client.rename_doc', { doctype: 'User', old_name: 'Administrator', new_name: 'x@example.com' }],
  ['POST', '/api/method/frappe.core.doctype.user.user.generate_keys', { user: 'Administrator' }],
  ['POST', '/api/method/frappe.core.doctype.user.user.generate_keys', { user: 'bob@example.com' }],
  ['POST', '/api/method/frappe.core.doctype.user.user.get_roles', { uid: 'Administrator' }],
  ['POST', '/api/method/frappe.core.doctype.user.user.impersonate', { user: 'Administrator', reason: 'x' }],
  ['POST', '/api/method/frappe.core.doctype.user.user.update_password', { new_password: 'fake-quiet-lamp-7', user: 'Administrator' }],
  ['POST', '/api/method/orchestrator.identity.create_key', { user: 'Administrator', label: 'x' }],
  ['POST', '/api/method/orchestrator.identity.invite', { email: 'new@example.com', first_name: 'x', roles: ['System Manager'] }],
  ['POST', '/api/method/orchestrator.identity.revoke_sessions', { user: 'bob@example.com' }],
  ['POST', '/api/resource/User Permission', { user: '$me', allow: 'Organization', for_value: theirs }],
  ['POST', '/api/resource/User API Key', { user: 'Administrator', label: 'x' }],
  ['POST', '/api/resource/Role', { role_name: 'Mine' }],
  ['POST', '/api/resource/Role Profile', { role_profile: 'Mine', roles: [{ role: 'System Manager' }] }],
  ['POST', '/api/resource/DocShare', { user: '$me', share_doctype: 'Fort Vault', share_name: 'vault-1', read: 1 }],
  ['POST', '/api/resource/DocShare', { everyone: 1, share_doctype: 'Fort Vault', share_name: 'vault-1', read: 1, write: 1 }],
  ['POST', '/api/method/frappe.share.add', { doctype: 'Fort Vault', name: 'vault-1', user: '$me', read: 1 }],
  ['POST', '/api/method/frappe.share.add', { doctype: 'User', name: '$me', user: '$me', read: 1, write: 1 }],
  [
    'POST',
    '/api/resource/Property Setter',
    {
      doctype_or_field: 'DocField',
      doc_type: 'Fort Ticket',
      field_name: 'salary',
      property: 'permlevel',
      value: '0',
      property_type: 'Int',
    },
  ],
  ['POST', '/api/resource/Custom Field', { dt: 'Fort Ticket', fieldname: 'mine', fieldtype: 'Data', label: 'Mine' }],
  ['POST', '/api/resource/Custom DocPerm', { parent: 'Fort Vault', role: 'All', read: 1, permlevel: 0 }],
  [
    'POST',
    '/api/resource/DocType',
    { name: 'Mine', module: 'Custom', custom: 1, fields: [{ fieldname: 'a', fieldtype: 'Data' }], permissions: [{ role: 'All', read: 1 }] },
  ],
  ['PUT', '/api/resource/DocType/Fort Vault', { permissions: [{ role: 'All', read: 1 }] }],
  ['PUT', '/api/resource/System Settings/System Settings', { allow_error_traceback: 1 }],
  [
    'POST',
    '/api/method/frappe.client.set_value',
    { doctype: 'System Settings', name: 'System Settings', fieldname: 'allow_error_traceback', value: 1 },
  ],
  ['POST', '/api/resource/System Settings', { allow_error_traceback: 1 }],
  [
    'POST',
    '/api/method/run_doc_method',
    {
      dt: 'Customize Form',
      dn: 'Customize Form',
      method: 'save_customization',
      docs: JSON.stringify({ doctype: 'Customize Form', doc_type: 'Fort Ticket', fields: [] }),
    },
  ],
  ['PUT', '/api/resource/Customize Form/Customize Form', { doc_type: 'Fort Ticket' }],
  ['POST', '/api/resource/Audit Entry', { action: 'insert', user: 'bob@example.com' }],
  ['POST', '/api/resource/Version', { ref_doctype: 'Fort Ticket', docname: 'A-ticket-1', data: '{}' }],
  ['POST', '/api/resource/Deleted Document', { deleted_doctype: 'User', deleted_name: 'x', data: '{"doctype":"User"}' }],
  ['POST', '/api/resource/Email Queue', { sender: 'x@example.com', message: 'x' }],
  ['POST', '/api/resource/DefaultValue', { parent: '__default', defkey: 'x', defvalue: 'y' }],
  ['POST', '/api/resource/Document Naming Rule', { document_type: 'Fort Ticket', prefix: 'X-' }],
  ['POST', '/api/resource/Translation', { source_text: 'a', translated_text: 'b', language: 'en' }],
  ['POST', '/api/resource/Module Def', { module_name: 'Mine', app_name: 'core' }],
  ['POST', '/api/resource/Patch Log', { patch: 'x' }],
  ['POST', '/api/resource/Installed Application', { app_name: 'x' }],
  ['POST', '/api/resource/Organization', { organization_name: 'Mine' }],
  ['PUT', '/api/resource/Organization/Org A', { status: 'Inactive' }],
  ['PUT', '/api/resource/Fort Vault/vault-1', { jewel: 'mine' }],
  ['DELETE', '/api/resource/Fort Vault/vault-1', undefined],
  ['POST', '/api/method/frappe.client.get_password', { doctype: 'Fort Ticket', name: 'A-ticket-1', fieldname: 'portal_password' }],
  ['GET', '/api/resource/System Settings/System Settings', undefined],
  ['GET', '/api/resource/User/Administrator', undefined],
  ['GET', '/api/resource/User API Key', undefined],
  ['GET', '/api/resource/Audit Entry', undefined],
  ['GET', '/api/resource/Email Queue', undefined],
  ['GET', '/api/resource/Error Log', undefined],
  ['GET', '/api/resource/Version', undefined],
  ['GET', '/api/resource/Deleted Document', undefined],
  ['GET', '/api/resource/User Permission', undefined],
]

test('nobody without the right raises themselves or others', { timeout: 60_000 }, async () => {
  await fort.writesNothing(async () => {
    const cases = (['ann', 'pia', 'mal', 'guest'] as const).flatMap((who) => grants.map((grant) => [who, ...grant] as const))
    await everyCase(cases, async ([who, verb, path, body]) => {
      const me = fort.people[who].user
      const text = body === undefined ? undefined : JSON.parse(JSON.stringify(body).replaceAll('$me', me))
      await fort.refused(who, verb, path.replace('$me', me), text === undefined ? {} : { body: text })
    })
  })
})

test('one’s own account may be changed, but not who one is', async () => {
  const identity = [
    'enabled',
    'user_type',
    'role_profile_name',
    'roles',
    'restrict_ip',
    'login_after',
    'two_factor_required',
    'simultaneous_sessions',
    'last_ip',
    'defaults',
  ]
  for (const who of ['ann', 'mal'] as const) {
    const me = fort.people[who].user
    const pick = (user: Record<string, unknown>) => identity.map((field) => user[field])
    const before = pick(await asAdmin(`User/${me}`))
    const raised = {
      enabled: 0,
      user_type: 'System User',
      role_profile_name: 'x',
      restrict_ip: '10.0.0.1',
      login_after: 1,
      two_factor_required: 1,
      simultaneous_sessions: 99,
      last_ip: 'x',
      roles: [{ role: 'System Manager' }],
      defaults: [{ defkey: 'organization', defvalue: theirs }],
    }
    for (const [field, value] of [...Object.entries(raised), ['all', undefined]] as [string, unknown][]) {
      const values = field === 'all' ? raised : { [field]: value }
      for (const [verb, path, body] of [
        ['PUT', `/api/resource/User/${me}`, values],
        ['PATCH', `/api/v2/document/User/${me}`, values],
        ['POST', '/api/method/frappe.client.set_value', { doctype: 'User', name: me, fieldname: values }],
        ['POST', '/api/method/frappe.client.bulk_update', { docs: [{ doctype: 'User', docname: me, ...values }] }],
        [
          'POST',
          '/api/method/frappe.desk.form.save.savedocs',
          { doc: JSON.stringify({ doctype: 'User', name: me, ...values }), action: 'Save' },
        ],
      ] as const)
        await fort.ask(who, verb, path, { body })
      assert.deepEqual(pick(await asAdmin(`User/${me}`)), before, `${who} ${field}`)
    }
    // Another's address or name does not become one's own.
    for (const values of [
      { email: 'bob@example.com' },
      { email: 'Administrator' },
      { username: 'Administrator' },
      { username: 'bob@example.com' },
    ])
      await fort.refused(who, 'PUT', `/api/resource/User/${me}`, { body: values })
    assert.equal((await asAdmin(`User/${me}`)).email, me)
  }
})

test('a System Manager is not the Administrator', async () => {
  await everyCase(
    [
      ['PUT', '/api/resource/User/Administrator', { new_password: 'fake-quiet-lamp-7' }],
      ['PUT', '/api/resource/User/Administrator', { enabled: 0 }],
      ['POST', '/api/method/frappe.core.doctype.user.user.generate_keys', { user: 'Administrator' }],
      ['POST', '/api/method/orchestrator.identity.create_key', { user: 'Administrator', label: 'x' }],
      ['POST', '/api/resource/User API Key', { user: 'Administrator', label: 'x', api_key: 'x', secret_hash: 'x' }],
      ['POST', '/api/method/frappe.client.rename_doc', { doctype: 'User', old_name: 'Administrator', new_name: 'x@example.com' }],
      [
        'POST',
        '/api/method/frappe.client.rename_doc',
        { doctype: 'User', old_name: 'manager@example.com', new_name: 'Administrator', merge: 1 },
      ],
      ['DELETE', '/api/resource/User/Administrator', undefined],
      ['DELETE', '/api/resource/Role/System Manager', undefined],
      ['POST', '/api/resource/Audit Entry', { action: 'insert' }],
      ['DELETE', '/api/resource/Audit Entry/x', undefined],
      ['PUT', '/api/resource/Audit Seal/x', { hash: 'x' }],
      [
        'POST',
        '/api/method/frappe.client.rename_doc',
        { doctype: 'User', old_name: 'manager@example.com', new_name: 'administrator', merge: 1 },
      ],
      ['POST', '/api/method/frappe.client.rename_doc', { doctype: 'User', old_name: 'mal@example.com', new_name: 'guest', merge: 1 }],
      // Strict tenants: no User Permission, no rows.
      ['GET', `/api/resource/Fort Ticket/${marks.other}-ticket-1`, undefined],
    ] as [string, string, unknown][],
    ([verb, path, body]) => fort.refused('manager', verb, path, body === undefined ? {} : { body }),
  )
})

test('documents do not move between organisations, and nobody writes into another one', async () => {
  const before = await asAdmin('Fort Ticket/A-ticket-1')
  const attempts: readonly [PersonName, string, string, unknown][] = [
    ['chief', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { organization: theirs }],
    ['chief', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { organization: null }],
    ['chief', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { organization: '' }],
    ['chief', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { client: `${marks.other}-client` }],
    ['chief', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { region: `${marks.other}-region` }],
    ['chief', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { lines: [{ client: `${marks.other}-client` }] }],
    ['chief', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { kind_doctype: 'Fort Client', kind_name: `${marks.other}-client` }],
    ['chief', 'POST', '/api/resource/Fort Ticket', { name: 'planted', organization: theirs }],
    ['chief', 'POST', '/api/resource/Fort Ticket', { name: 'planted', organization: null, subject: 'x' }],
    ['chief', 'POST', '/api/v2/document/Fort Ticket', { name: 'planted', organization: theirs }],
    [
      'chief',
      'POST',
      '/api/method/frappe.client.insert_many',
      {
        docs: [
          { doctype: 'Fort Plain', name: 'planted' },
          { doctype: 'Fort Ticket', name: 'planted', organization: theirs },
        ],
      },
    ],
    [
      'chief',
      'POST',
      '/api/v2/batch',
      {
        operations: [
          { method: 'POST', path: '/api/v2/document/Fort Plain', body: { name: 'planted' } },
          { method: 'POST', path: '/api/v2/document/Fort Ticket', body: { name: 'planted', organization: theirs } },
        ],
      },
    ],
    ['chief', 'POST', '/api/resource/Fort Region', { name: 'planted', organization: 'Org A', parent_fort_region: `${marks.other}-region` }],
    ['chief', 'PUT', '/api/resource/Fort Region/A-town', { parent_fort_region: `${marks.other}-region` }],
    ['rita', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { subject: 'x' }],
    ['rita', 'DELETE', '/api/resource/Fort Ticket/A-ticket-1', undefined],
    ['rita', 'POST', '/api/resource/Fort Ticket', { name: 'planted', organization: 'Org A' }],
    ['rita', 'POST', '/api/method/frappe.client.submit', { doc: { doctype: 'Fort Ticket', name: 'A-ticket-1' } }],
    ['rita', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { docstatus: 1 }],
    ['pia', 'GET', '/api/resource/Fort Ticket/A-ticket-1', undefined],
    ['pia', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { subject: 'x' }],
    ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { docstatus: 2 }],
    ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { docstatus: 7 }],
    ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { docstatus: [1] }],
    ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { docstatus: 'x' }],
    ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { amended_from: 'A-ticket-2' }],
    ['chief', 'PUT', '/api/resource/Fort Diary/admins-diary', { text: 'x' }],
    ['chief', 'DELETE', '/api/resource/Fort Diary/admins-diary', undefined],
  ]
  await fort.writesNothing(() =>
    everyCase(attempts, ([who, verb, path, body]) => fort.refused(who, verb, path, body === undefined ? {} : { body })),
  )
  assert.deepEqual(await asAdmin('Fort Ticket/A-ticket-1'), before)
})

test('a unique value taken in another organisation tells nothing but that it is taken', async () => {
  const answer = await fort.refused('ann', 'POST', '/api/resource/Fort Ticket', {
    body: { name: 'again', organization: 'Org A', code: `${marks.other}-code-1` },
  })
  assert.equal(answer.json.exc_type, 'UniqueValidationError')
  assert.ok(!answer.text.includes('ticket-1'), 'which document has it is nobody’s business')
})

test('comments, tags, likes and tasks speak in the caller’s name only', async () => {
  const { json } = await fort.ask('ann', 'POST', '/api/resource/Comment', {
    body: {
      reference_doctype: 'Fort Ticket',
      reference_name: 'A-ticket-1',
      content: '<script>alert(1)</script>hi',
      comment_type: 'Comment',
      comment_email: 'chief@example.com',
      comment_by: 'Chief',
    },
  })
  const comment = await asAdmin(`Comment/${json.data.name}`)
  assert.equal(comment.comment_email, 'ann@example.com')
  assert.ok(!String(comment.content).includes('<script'))
  await fort.refused('rita', 'PUT', `/api/resource/Comment/${json.data.name}`, { body: { content: 'changed' } })
  await fort.ask('ann', 'PUT', `/api/resource/Comment/${json.data.name}`, {
    body: { comment_email: 'chief@example.com', comment_by: 'Chief' },
  })
  assert.equal((await asAdmin(`Comment/${json.data.name}`)).comment_email, 'ann@example.com')
  await fort.refused('ann', 'PUT', `/api/resource/Comment/${json.data.name}`, { body: { reference_name: `${marks.other}-ticket-1` } })
  await fort.refused('ann', 'PUT', `/api/resource/Comment/${json.data.name}`, {
    body: { reference_doctype: 'Fort Vault', reference_name: 'vault-1' },
  })
  const todo = await fort.ask('ann', 'POST', '/api/resource/ToDo', {
    body: { description: 'x', allocated_to: 'ann@example.com', assigned_by: 'chief@example.com' },
  })
  assert.equal((await asAdmin(`ToDo/${todo.json.data.name}`)).assigned_by, 'ann@example.com')
  await fort.refused('ann', 'PUT', `/api/resource/ToDo/${todo.json.data.name}`, {
    body: { reference_type: 'Fort Ticket', reference_name: `${marks.other}-ticket-1` },
  })
  await fort.refused('ann', 'PUT', `/api/resource/ToDo/${todo.json.data.name}`, {
    body: { reference_type: 'Fort Vault', reference_name: 'vault-1' },
  })
})
