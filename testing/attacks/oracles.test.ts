import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallAnswer } from '#testing/server.ts'
import { everyCase, marks, openFort, type PersonName, theirs } from './fort.ts'

const fort = await openFort()

/** What an answer says once everything is taken out that tells requests apart without telling anything. */
function said({ status, text }: CallAnswer, guess: string): string {
  return `${status} ${text}`.replaceAll(JSON.stringify(guess).slice(1, -1), '<guess>').replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')
}

/** A right guess and a wrong one must be answered alike. */
async function indistinct(
  who: PersonName,
  right: string,
  wrong: string,
  request: (guess: string) => [verb: string, path: string, body?: unknown],
): Promise<void> {
  const told = []
  for (const guess of [right, wrong]) {
    const [verb, path, body] = request(guess)
    told.push(said(await fort.ask(who, verb, path, body === undefined ? {} : { body }), guess))
  }
  assert.equal(told[0], told[1], `${who} ${JSON.stringify(request(right)).slice(0, 300)} tells a right guess from a wrong one`)
}

type Unreadable = { who: PersonName; doctype: string; field: string; right: string; wrong: string; parent?: string }

/** Fields that somebody may not read, with a value that stands in one and a value that does not. */
const unreadable: readonly Unreadable[] = [
  { who: 'ann', doctype: 'Fort Ticket', field: 'salary', right: `${marks.level}-A-1`, wrong: `${marks.level}-X-1` },
  { who: 'ann', doctype: 'Fort Ticket', field: 'card', right: `${marks.mask}-A-1`, wrong: `${marks.mask}-X-1` },
  { who: 'ann', doctype: 'Fort Ticket', field: 'client_secret', right: `${marks.level}-A`, wrong: `${marks.level}-X` },
  { who: 'ann', doctype: 'Fort Ticket', field: 'portal_password', right: `${marks.password}-A`, wrong: `${marks.password}-X` },
  { who: 'ann', doctype: 'Fort Ticket', field: 'client.secret_code', right: `${marks.level}-A`, wrong: `${marks.level}-X` },
  { who: 'ann', doctype: 'Fort Ticket', field: 'client.phone', right: `${marks.mask}-A`, wrong: `${marks.mask}-X` },
  { who: 'ann', doctype: 'Fort Ticket', field: 'lines.hidden_cost', right: `${marks.level}-line-A-1`, wrong: `${marks.level}-line-X-1` },
  { who: 'ann', doctype: 'Fort Ticket', field: 'hidden_cost', right: `${marks.level}-line-A-1`, wrong: `${marks.level}-line-X-1` },
  {
    who: 'ann',
    doctype: 'Fort Ticket',
    field: '`tabFort Line`.hidden_cost',
    right: `${marks.level}-line-A-1`,
    wrong: `${marks.level}-line-X-1`,
  },
  {
    who: 'ann',
    doctype: 'Fort Line',
    parent: 'Fort Ticket',
    field: 'hidden_cost',
    right: `${marks.level}-line-A-1`,
    wrong: `${marks.level}-line-X-1`,
  },
  { who: 'ann', doctype: 'Fort Client', field: 'secret_code', right: `${marks.level}-A`, wrong: `${marks.level}-X` },
  { who: 'ann', doctype: 'Fort Plain', field: 'hidden', right: marks.level, wrong: `${marks.level}-X` },
  { who: 'pia', doctype: 'Fort Ticket', field: 'amount', right: '10', wrong: '11' },
  { who: 'pia', doctype: 'Fort Ticket', field: 'salary', right: `${marks.level}-A-1`, wrong: `${marks.level}-X-1` },
  { who: 'pia', doctype: 'Fort Ticket', field: 'client.phone', right: `${marks.mask}-A`, wrong: `${marks.mask}-X` },
  { who: 'ann', doctype: 'User', field: 'last_ip', right: '127.0.0.1', wrong: '127.0.0.9' },
  { who: 'ann', doctype: 'User', field: 'api_key', right: 'right-guess', wrong: 'wrong-guess' },
]

test('a field that somebody may not read is refused wherever a list could betray it', { timeout: 60_000 }, async () => {
  await everyCase(unreadable, async ({ who, doctype, field, right, wrong, parent }) => {
    const base = { doctype, ...(parent && { parent }) }
    const asks: ((guess: string) => Record<string, unknown>)[] = [
      (guess) => ({ filters: [[field, '=', guess]] }),
      (guess) => ({ filters: [[field, '!=', guess]] }),
      (guess) => ({ filters: [[field, 'like', `${guess.slice(0, -1)}%`]] }),
      (guess) => ({ filters: [[field, 'in', [guess]]] }),
      (guess) => ({ filters: [[field, '>', guess]] }),
      () => ({ filters: [[field, 'is', 'set']] }),
      (guess) => ({ or_filters: [[field, '=', guess]] }),
      () => ({ fields: [field] }),
      () => ({ fields: [`${field} as harmless`] }),
      () => ({ fields: [`max(${field}) as m`] }),
      () => ({ fields: [{ MAX: field, as: 'm' }] }),
      () => ({ fields: [{ COUNT: field, as: 'm' }] }),
      () => ({ fields: [{ IFNULL: [field, '1'], as: 'm' }] }),
      () => ({ fields: ['count(name) as n', field], group_by: field }),
      () => ({ fields: ['count(name) as n'], group_by: field }),
      () => ({ order_by: `${field} asc` }),
      () => ({ order_by: `${field} desc` }),
      () => ({ fields: ['name'], order_by: `name asc, ${field} desc` }),
    ]
    // A mask is shown in place of the value, which tells nothing; everything else must be refused.
    const isShown = (given: Record<string, unknown>) =>
      JSON.stringify(given.fields ?? '').includes(field) && !/MAX|max|COUNT|IFNULL/.test(JSON.stringify(given)) && !given.group_by
    for (const make of asks) {
      const answers = []
      for (const guess of [right, wrong]) {
        const answer = await fort.method(who, 'frappe.client.get_list', { ...base, ...make(guess) })
        answers.push(said(answer, guess))
        const masked = /card|phone|portal_password/.test(field) && isShown(make(guess))
        if (!masked)
          assert.ok(
            answer.status >= 400,
            `${who} ${JSON.stringify({ ...base, ...make(guess) })} -> ${answer.status} ${answer.text.slice(0, 300)}`,
          )
      }
      assert.equal(answers[0], answers[1])
    }
    for (const method of [
      'frappe.client.get_count',
      'frappe.desk.reportview.get_count',
      'frappe.desk.reportview.get',
      'frappe.desk.reportview.get_list',
      'frappe.desk.reportview.export_query',
    ])
      for (const guess of [right, wrong]) {
        const answer = await fort.method(who, method, {
          ...base,
          fields: ['name'],
          filters: [[field, '=', guess]],
          file_format_type: 'CSV',
        })
        assert.ok(answer.status >= 400, `${who} ${method} ${field} -> ${answer.status} ${answer.text.slice(0, 300)}`)
      }
    await indistinct(who, right, wrong, (guess) => [
      'POST',
      '/api/method/frappe.client.get_value',
      { ...base, fieldname: 'name', filters: { [field]: guess } },
    ])
    await indistinct(who, right, wrong, (guess) => ['POST', '/api/method/frappe.client.get', { ...base, filters: { [field]: guess } }])
    await indistinct(who, right, wrong, (guess) => [
      'POST',
      '/api/method/frappe.desk.search.search_link',
      { doctype, txt: '', filters: { [field]: guess } },
    ])
    await indistinct(who, right, wrong, (guess) => [
      'POST',
      '/api/method/frappe.desk.search.search_link',
      { doctype, txt: guess, searchfield: field },
    ])
    await indistinct(who, right, wrong, (guess) => [
      'POST',
      '/api/method/frappe.desk.search.search_widget',
      { doctype, txt: guess, searchfield: field, as_dict: 1 },
    ])
  })
})

/** A name of the other organisation, and one that nothing has. */
const foreign: readonly [doctype: string, right: string, wrong: string][] = [
  ['Fort Ticket', `${marks.other}-ticket-1`, `${marks.other}-ticket-9`],
  ['Fort Client', `${marks.other}-client`, `${marks.other}-nobody`],
  ['Fort Region', `${marks.other}-region`, `${marks.other}-nowhere`],
  ['Organization', theirs, `${marks.other}-none`],
]

test('what lies in another organisation is answered like what does not exist', { timeout: 60_000 }, async () => {
  const requests: ((doctype: string, guess: string) => [string, string, unknown?])[] = [
    (doctype, guess) => ['GET', `/api/resource/${doctype}/${guess}`],
    (doctype, guess) => ['GET', `/api/v2/document/${doctype}/${guess}`],
    (doctype, guess) => ['GET', `/api/v2/document/${doctype}/${guess}?include=permissions,comments,shares,tags,attachments,assignments`],
    (doctype, guess) => ['GET', `/api/v2/document/${doctype}/${guess}/copy`],
    (doctype, guess) => ['GET', `/api/resource/${doctype}?filters=${encodeURIComponent(JSON.stringify({ name: guess }))}`],
    (doctype, guess) => ['GET', `/api/v2/document/${doctype}?include=count&filters=${encodeURIComponent(JSON.stringify({ name: guess }))}`],
    (doctype, guess) => ['GET', `/api/v2/doctype/${doctype}/count?filters=${encodeURIComponent(JSON.stringify({ name: guess }))}`],
    (doctype, guess) => ['PUT', `/api/resource/${doctype}/${guess}`, { remark: 'x' }],
    (doctype, guess) => ['PUT', `/api/resource/${doctype}/${guess}`, {}],
    (doctype, guess) => ['PATCH', `/api/v2/document/${doctype}/${guess}`, { organization: 'Org A' }],
    (doctype, guess) => ['DELETE', `/api/resource/${doctype}/${guess}`],
    (doctype, guess) => ['POST', `/api/v2/document/${doctype}/bulk_delete`, { names: [guess] }],
    (doctype, guess) => ['POST', `/api/v2/document/${doctype}/bulk_update`, { docs: [{ name: guess, organization: 'Org A' }] }],
    (doctype, guess) => [
      'POST',
      `/api/v2/batch`,
      { operations: [{ method: 'GET', path: `/api/v2/document/${doctype}/${guess}` }], atomic: false },
    ],
    (doctype, guess) => ['POST', '/api/method/frappe.client.get', { doctype, name: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.client.get_value', { doctype, fieldname: 'name', filters: guess }],
    (doctype, guess) => [
      'POST',
      '/api/method/frappe.client.get_value',
      { doctype, fieldname: ['name', 'owner'], filters: { name: guess } },
    ],
    (doctype, guess) => [
      'POST',
      '/api/method/frappe.client.set_value',
      { doctype, name: guess, fieldname: 'organization', value: 'Org A' },
    ],
    (doctype, guess) => ['POST', '/api/method/frappe.client.delete', { doctype, name: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.client.cancel', { doctype, name: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.client.submit', { doc: { doctype, name: guess } }],
    (doctype, guess) => ['POST', '/api/method/frappe.client.save', { doc: { doctype, name: guess, remark: 'x' } }],
    (doctype, guess) => ['POST', '/api/method/frappe.client.has_permission', { doctype, docname: guess, perm_type: 'read' }],
    (doctype, guess) => ['POST', '/api/method/frappe.client.get_doc_permissions', { doctype, docname: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.client.is_document_amended', { doctype, docname: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.client.rename_doc', { doctype, old_name: guess, new_name: 'mine now' }],
    (doctype, guess) => ['POST', '/api/method/frappe.client.validate_link', { doctype, docname: guess }],
    (doctype, guess) => [
      'POST',
      '/api/method/frappe.client.validate_link_and_fetch',
      { doctype, docname: guess, fields_to_fetch: ['organization'] },
    ],
    (doctype, guess) => ['POST', '/api/method/frappe.client.bulk_update', { docs: [{ doctype, docname: guess, organization: 'Org A' }] }],
    (doctype, guess) => [
      'POST',
      '/api/method/frappe.client.attach_file',
      { doctype, docname: guess, filename: 'a.txt', filedata: 'eA==', decode_base64: 1 },
    ],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.search.search_link', { doctype, txt: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.search.search_link', { doctype, txt: '', filters: { name: guess } }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.search.get_link_title', { doctype, docname: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.form.load.getdoc', { doctype, name: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.form.load.get_docinfo', { doctype, name: guess }],
    (doctype, guess) => [
      'POST',
      '/api/method/frappe.desk.form.save.savedocs',
      { doc: JSON.stringify({ doctype, name: guess }), action: 'Save' },
    ],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.form.save.cancel', { doctype, name: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.form.save.discard', { doctype, name: guess }],
    (doctype, guess) => [
      'POST',
      '/api/method/frappe.desk.form.utils.add_comment',
      { reference_doctype: doctype, reference_name: guess, content: 'x', comment_email: 'ann@example.com', comment_by: 'ann' },
    ],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.form.assign_to.add', { doctype, name: guess, assign_to: ['ann@example.com'] }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.form.assign_to.remove', { doctype, name: guess, assign_to: 'ann@example.com' }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.form.linked_with.get', { doctype, docname: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.form.linked_with.get_submitted_linked_docs', { doctype, name: guess }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.form.utils.get_next', { doctype, value: guess, prev: 0 }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.like.toggle_like', { doctype, name: guess, add: 'Yes' }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.doctype.tag.tag.add_tag', { dt: doctype, dn: guess, tag: 'x' }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.doctype.tag.tag.remove_tag', { dt: doctype, dn: guess, tag: 'x' }],
    (doctype, guess) => ['POST', '/api/method/frappe.desk.treeview.get_children', { doctype, parent: guess }],
    (doctype, guess) => [
      'POST',
      '/api/method/frappe.share.add',
      { doctype, name: guess, user: 'ann@example.com', read: 1, write: 1, share: 1 },
    ],
    (doctype, guess) => ['POST', '/api/method/frappe.share.get_users', { doctype, name: guess }],
    (doctype, guess) => [
      'POST',
      '/api/method/frappe.share.set_permission',
      { doctype, name: guess, user: 'ann@example.com', permission_to: 'read', value: 1 },
    ],
    (doctype, guess) => [
      'POST',
      '/api/method/frappe.model.rename_doc.update_document_title',
      { doctype, docname: guess, name: 'mine now' },
    ],
    (doctype, guess) => ['POST', '/api/method/run_doc_method', { dt: doctype, dn: guess, method: 'validate' }],
    (doctype, guess) => ['POST', '/api/method/frappe.realtime.has_permission', { doctype, name: guess }],
    (doctype, guess) => ['POST', '/api/method/orchestrator.permissions.explain', { doctype, name: guess, action: 'read' }],
    // Values that lead to it.
    (_, guess) => ['POST', '/api/resource/Fort Ticket', { name: 'mine', organization: 'Org A', client: guess }],
    (_, guess) => ['POST', '/api/resource/Fort Ticket', { name: 'mine', organization: 'Org A', region: guess }],
    (_, guess) => ['POST', '/api/resource/Fort Ticket', { name: 'mine', organization: guess }],
    (_, guess) => ['POST', '/api/resource/Fort Ticket', { name: 'mine', organization: 'Org A', lines: [{ client: guess }] }],
    (_, guess) => ['POST', '/api/resource/Fort Ticket', { name: 'mine', organization: 'Org A', amended_from: guess }],
    (doctype, guess) => [
      'POST',
      '/api/resource/Fort Ticket',
      { name: 'mine', organization: 'Org A', kind_doctype: doctype, kind_name: guess },
    ],
    (_, guess) => ['POST', '/api/resource/Fort Region', { name: 'mine', organization: 'Org A', parent_fort_region: guess }],
    (_, guess) => ['PUT', '/api/resource/Fort Ticket/A-ticket-1', { client: guess }],
    (_, guess) => ['PUT', '/api/resource/Fort Ticket/A-ticket-1', { organization: guess }],
    (_, guess) => ['PUT', '/api/resource/Fort Region/A-town', { parent_fort_region: guess }],
    (doctype, guess) => [
      'POST',
      '/api/resource/Comment',
      { reference_doctype: doctype, reference_name: guess, content: 'x', comment_type: 'Comment' },
    ],
    (doctype, guess) => ['POST', '/api/resource/ToDo', { reference_type: doctype, reference_name: guess, description: 'x' }],
    (doctype, guess) => [
      'POST',
      '/api/resource/File',
      { attached_to_doctype: doctype, attached_to_name: guess, file_name: 'a.txt', content: 'x' },
    ],
    (doctype, guess) => ['POST', '/api/resource/Document Follow', { ref_doctype: doctype, ref_docname: guess }],
    (doctype, guess) => ['POST', '/api/resource/DocShare', { share_doctype: doctype, share_name: guess, user: 'ann@example.com', read: 1 }],
  ]
  await fort.writesNothing(async () => {
    const cases = foreign.flatMap(([doctype, right, wrong]) => requests.map((request) => ({ doctype, right, wrong, request })))
    await everyCase(cases, ({ doctype, right, wrong, request }) => indistinct('chief', right, wrong, (guess) => request(doctype, guess)))
  })
})

test('merging and renaming do not reach into another organisation', async () => {
  await fort.writesNothing(async () => {
    for (const [doctype, right] of foreign) {
      const own = { 'Fort Ticket': 'A-ticket-1', 'Fort Client': 'A-client', 'Fort Region': 'A-town', Organization: 'Org A' }[doctype]
      await fort.refused('chief', 'POST', '/api/method/frappe.client.rename_doc', {
        body: { doctype, old_name: own, new_name: right, merge: 1 },
      })
      await fort.refused('chief', 'POST', '/api/method/frappe.client.rename_doc', {
        body: { doctype, old_name: right, new_name: own, merge: 1 },
      })
      await fort.refused('chief', 'POST', '/api/method/frappe.model.rename_doc.update_document_title', {
        body: { doctype, docname: own, name: right, merge: 1 },
      })
    }
  })
})

test('counts, statistics, exports and searches hold only what is ours', async () => {
  for (const who of ['ann', 'chief', 'rita'] as const) {
    assert.equal((await fort.method(who, 'frappe.client.get_count', { doctype: 'Fort Ticket' })).json.message, 3)
    assert.equal((await fort.ask(who, 'GET', '/api/v2/doctype/Fort Ticket/count')).json.data, 3)
    for (const path of [
      'frappe.desk.reportview.get',
      'frappe.desk.reportview.get_list',
      'frappe.desk.reportview.export_query',
      'frappe.client.get_list',
    ])
      await fort.method(who, path, {
        doctype: 'Fort Ticket',
        fields: ['*'],
        limit_page_length: 0,
        page_length: 1000,
        file_format_type: 'CSV',
      })
    await fort.method(who, 'frappe.desk.reportview.get_stats', { doctype: 'Fort Ticket', stats: ['_user_tags', 'salary', 'card'] })
    await fort.method(who, 'frappe.desk.reportview.get_sidebar_stats', { doctype: 'Fort Ticket', stats: ['_user_tags'] })
    await fort.method(who, 'frappe.desk.listview.get_group_by_count', { doctype: 'Fort Ticket', current_filters: '[]', field: 'salary' })
    for (const txt of ['', 'subject', marks.other.slice(0, 3), '%', '_'])
      for (const doctype of ['Fort Ticket', 'Fort Client', 'Organization'])
        await fort.method(who, 'frappe.desk.search.search_link', { doctype, txt })
    for (const expand of [['client'], ['region'], ['organization'], ['owner'], ['lines']])
      await fort.method(who, 'frappe.client.get_list', { doctype: 'Fort Ticket', fields: ['*'], expand })
    for (const doctype of [
      'Fort Ticket',
      'Fort Client',
      'Fort Line',
      'Version',
      'Comment',
      'Deleted Document',
      'Audit Entry',
      'File',
      'DocShare',
      'User Permission',
      'User',
      'User API Key',
      'Email Queue',
      'Error Log',
      'Access Log',
      'Has Role',
      'Tag Link',
      'ToDo',
    ])
      for (const parent of ['', 'Fort Ticket', 'User', 'Role Profile'])
        await fort.method(who, 'frappe.client.get_list', { doctype, fields: ['*'], limit_page_length: 0, parent })
    for (const name of ['A-ticket-1', 'A-client']) {
      const doctype = name === 'A-client' ? 'Fort Client' : 'Fort Ticket'
      await fort.ask(who, 'GET', `/api/resource/${doctype}/${name}?expand_links=1`)
      await fort.ask(
        who,
        'GET',
        `/api/v2/document/${doctype}/${name}?include=permissions,comments,shares,tags,attachments,assignments,users,seen`,
      )
      for (const method of ['frappe.desk.form.load.getdoc', 'frappe.desk.form.load.get_docinfo'])
        await fort.method(who, method, { doctype, name })
      await fort.method(who, 'frappe.desk.form.linked_with.get', { doctype, docname: name })
    }
  }
})

test('versions, comments and the bin do not tell of fields that their reader may not see', async () => {
  await fort.ask('chief', 'PUT', '/api/resource/Fort Ticket/A-ticket-2', {
    body: { salary: `${marks.level}-new`, card: `${marks.mask}-new`, subject: 'changed' },
  })
  await fort.ask('chief', 'PUT', '/api/resource/Fort Ticket/A-ticket-2', { body: { portal_password: `${marks.password}-new` } })
  for (const who of ['ann', 'rita', 'pia'] as const) {
    await fort.method(who, 'frappe.desk.form.load.getdoc', { doctype: 'Fort Ticket', name: 'A-ticket-2' })
    await fort.ask(who, 'GET', '/api/v2/document/Fort Ticket/A-ticket-2?include=versions')
    await fort.method(who, 'frappe.desk.form.load.get_versions', { doctype: 'Fort Ticket', name: 'A-ticket-2' })
  }
  // A manager reads the logs; passwords are in none of them.
  for (const doctype of ['Version', 'Audit Entry', 'Deleted Document', 'Activity Log', 'Access Log']) {
    await fort.method('manager', 'frappe.client.get_list', { doctype, fields: ['*'], limit_page_length: 0 })
    await fort.method('admin', 'frappe.client.get_list', { doctype, fields: ['*'], limit_page_length: 0 })
  }
})

test('whom a DocType is not for, learns nothing of its documents', async () => {
  const vault: readonly [PersonName, string, string, string][] = [
    ['ann', 'Fort Vault', 'vault-1', 'vault-9'],
    ['mal', 'Fort Ticket', 'A-ticket-1', 'A-ticket-9'],
    ['mal', 'Fort Plain', 'plain-1', 'plain-9'],
    ['guest', 'Fort Plain', 'plain-1', 'plain-9'],
    ['guest', 'User', 'ann@example.com', 'nobody@example.com'],
    ['mal', 'User', 'ann@example.com', 'nobody@example.com'],
    ['mal', 'DocType', 'Fort Vault', 'Fort Nothing'],
    ['pia', 'Fort Diary', 'admins-diary', 'nobodys-diary'],
  ]
  await everyCase(vault, async ([who, doctype, right, wrong]) => {
    for (const request of [
      (guess: string) => ['GET', `/api/resource/${doctype}/${guess}`],
      (guess: string) => ['GET', `/api/v2/document/${doctype}/${guess}`],
      (guess: string) => ['DELETE', `/api/resource/${doctype}/${guess}`],
      (guess: string) => ['PUT', `/api/resource/${doctype}/${guess}`, { label: 'x' }],
      (guess: string) => ['POST', '/api/method/frappe.client.get_value', { doctype, fieldname: 'name', filters: guess }],
      (guess: string) => ['POST', '/api/method/frappe.client.has_permission', { doctype, docname: guess }],
      (guess: string) => ['POST', '/api/method/frappe.client.validate_link', { doctype, docname: guess }],
      (guess: string) => ['POST', '/api/method/frappe.client.rename_doc', { doctype, old_name: guess, new_name: 'x' }],
      (guess: string) => ['POST', '/api/method/frappe.desk.search.get_link_title', { doctype, docname: guess }],
      (guess: string) => [
        'POST',
        '/api/resource/Comment',
        { reference_doctype: doctype, reference_name: guess, content: 'x', comment_type: 'Comment' },
      ],
      (guess: string) => ['POST', '/api/method/frappe.client.attach_file', { doctype, docname: guess, filename: 'a.txt', filedata: 'x' }],
      (guess: string) => ['POST', '/api/resource/ToDo', { reference_type: doctype, reference_name: guess, description: 'x' }],
    ] as ((guess: string) => [string, string, unknown?])[])
      await indistinct(who, right, wrong, request)
  })
})

test('a diary that belongs to somebody else looks the same whether it exists or not to whoever lists', async () => {
  await indistinct('chief', 'admins-diary', 'nobodys-diary', (guess) => [
    'GET',
    `/api/resource/Fort Diary?filters=${encodeURIComponent(JSON.stringify({ name: guess }))}`,
  ])
  await indistinct('chief', 'admins-diary', 'nobodys-diary', (guess) => [
    'POST',
    '/api/method/frappe.desk.search.search_link',
    { doctype: 'Fort Diary', txt: guess },
  ])
  await indistinct('chief', 'admins-diary', 'nobodys-diary', (guess) => [
    'POST',
    '/api/method/frappe.client.get_value',
    { doctype: 'Fort Diary', fieldname: 'text', filters: guess },
  ])
})

test('a title that somebody may not read is shown and searched nowhere', async () => {
  await fort.make('DocType', {
    name: 'Fort Titled',
    module: 'Custom',
    custom: 1,
    autoname: 'prompt',
    title_field: 'secret',
    show_title_field_in_link: 1,
    search_fields: 'secret,masked',
    fields: [
      { fieldname: 'secret', fieldtype: 'Data', label: 'Secret', permlevel: 1 },
      { fieldname: 'masked', fieldtype: 'Data', label: 'Masked', mask: 1 },
    ],
    permissions: [
      { role: 'Fort Clerk', read: 1, select: 1 },
      { role: 'Fort Chief', permlevel: 1, read: 1 },
    ],
  })
  await fort.make('DocType', {
    name: 'Fort Pointer',
    module: 'Custom',
    custom: 1,
    autoname: 'prompt',
    title_field: 'to',
    fields: [{ fieldname: 'to', fieldtype: 'Link', options: 'Fort Titled', label: 'To' }],
    permissions: [{ role: 'Fort Clerk', read: 1, select: 1 }],
  })
  await fort.make('Fort Titled', { name: 'titled', secret: marks.level, masked: marks.mask })
  await fort.make('Fort Pointer', { name: 'pointer', to: 'titled' })
  const shown = await fort.ask('ann', 'GET', '/api/v2/document/Fort Pointer?include=link_titles&fields=["name","to"]')
  assert.equal(shown.json.data.length, 1)
  for (const path of ['Fort Pointer?expand=["to"]&fields=["to"]', 'Fort Pointer/pointer', 'Fort Titled/titled', 'Fort Titled?fields=["*"]'])
    assert.equal((await fort.ask('ann', 'GET', `/api/v2/document/${path}`)).status, 200, path)
  for (const method of [
    'frappe.desk.reportview.get',
    'frappe.desk.form.load.getdoc',
    'frappe.desk.search.get_link_title',
    'frappe.desk.form.linked_with.get',
  ])
    for (const [doctype, name] of [
      ['Fort Pointer', 'pointer'],
      ['Fort Titled', 'titled'],
    ])
      await fort.method('ann', method, { doctype, name, docname: name, fields: ['name'] })
  for (const method of ['frappe.desk.search.search_link', 'frappe.desk.search.search_widget'])
    for (const mark of [marks.level, marks.mask]) {
      await fort.method('ann', method, { doctype: 'Fort Titled', txt: '' })
      await indistinct('ann', mark, `${mark.slice(0, -1)}X`, (guess) => [
        'POST',
        `/api/method/${method}`,
        { doctype: 'Fort Titled', txt: guess },
      ])
    }
})
