import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newQuickJSWASMModule } from 'quickjs-emscripten'
import { type FormCommand, type FormDocument, type FormHost, FormScripts, type FormState } from './form-script.ts'
import { type JsonValue, ScriptFailure } from './sandbox/sandbox.ts'

const quickjs = await newQuickJSWASMModule()

/** A form that does what it is told, and writes it down. */
function form(doc: FormDocument, answers: Record<string, JsonValue> = {}) {
  const commands: FormCommand[] = []
  const told: unknown[] = []
  const current: Record<string, JsonValue> = { ...doc }
  const host: FormHost = {
    apply: (command) => void commands.push(command),
    setValues: async (values, row) => {
      told.push(row ? [row.name, values] : values)
      if (!row) Object.assign(current, values)
    },
    setRows: async (table, rows) => {
      current[table] = rows
    },
    call: async (method, values) => {
      told.push([method, values])
      if (!(method in answers)) throw new Error(`${method} is not allowed`)
      return answers[method] ?? null
    },
    save: async (action) => void told.push(action),
    reload: async () => void told.push('reload'),
    confirm: async () => true,
  }
  const scripts = new FormScripts(quickjs, host, { user: 'ada@example.com', roles: ['Sales User'], now: '2026-11-20 10:00:00' })
  const state = (): FormState => ({ doctype: 'Order', doc: current, isNew: false, isDirty: false })
  return { scripts, commands, told, current, state, load: (script: string) => scripts.load([{ name: 'own', script }]) }
}

test('a script answers the events of its form and sets values, properties and buttons', async () => {
  const { scripts, commands, current, state, load } = form({ name: 'O1', qty: 2, rate: 5, total: 0 })
  await load(`frappe.ui.form.on('Order', {
    refresh(frm) {
      frm.toggle_display(['rate', 'total'], frappe.user.has_role('Sales User'))
      frm.set_df_property('qty', 'label', __('Number of {0}', ['pieces']))
      frm.add_custom_button('Double', () => frm.set_value('qty', frm.doc.qty * 2), 'Actions')
      frm.set_query('customer', () => ({ filters: { territory: frm.doc.name } }))
    },
    qty: async (frm) => { await frm.set_value('total', frm.doc.qty * frm.doc.rate) },
  })
  frappe.ui.form.on('Other', 'refresh', () => frappe.msgprint('never'))`)
  await scripts.trigger('refresh', state())
  assert.deepEqual(commands, [
    { op: 'set_df_property', fieldname: 'rate', property: 'hidden', value: 0, table: null },
    { op: 'set_df_property', fieldname: 'total', property: 'hidden', value: 0, table: null },
    { op: 'set_df_property', fieldname: 'qty', property: 'label', value: 'Number of pieces', table: null },
    { op: 'add_custom_button', id: 0, label: 'Double', group: 'Actions' },
    { op: 'set_query', fieldname: 'customer', table: null, id: 0 },
  ])
  await scripts.trigger('qty', state())
  assert.equal(current.total, 10)
  await scripts.press(0, state())
  assert.equal(current.qty, 4)
  assert.deepEqual(await scripts.query(0, state()), { filters: { territory: 'O1' } })
  scripts.close()
})

test('what a script writes on the document itself reaches the form, rows included', async () => {
  const { scripts, current, told, state, load } = form({ name: 'O1', note: '', items: [{ name: 'r1', doctype: 'Item', qty: 1 }] })
  await load(`frappe.ui.form.on('Order', {
    validate(frm) { frm.doc.note = 'checked'; frm.add_child('items', { qty: 3 }) },
  })
  frappe.ui.form.on('Item', 'qty', async (frm, cdt, cdn) => frappe.model.set_value(cdt, cdn, 'amount', frappe.get_doc(cdt, cdn).qty * 2))`)
  await scripts.trigger('validate', state())
  assert.equal(current.note, 'checked')
  assert.deepEqual(current.items, [{ name: 'r1', doctype: 'Item', qty: 1 }, { qty: 3 }])
  await scripts.trigger('qty', { ...state(), row: { doctype: 'Item', name: 'r1' } })
  assert.deepEqual(told.at(-1), ['r1', { amount: 2 }])
  scripts.close()
})

test('a script asks the server as the person at the form', async () => {
  const { scripts, current, told, state, load } = form({ name: 'O1', city: '' }, { 'frappe.client.get_value': { city: 'Delft' } })
  await load(`frappe.ui.form.on('Order', { async customer(frm) {
    const { message } = await frappe.db.get_value('Customer', 'C1', 'city')
    await frm.set_value({ city: message.city })
  } })`)
  await scripts.trigger('customer', state())
  assert.equal(current.city, 'Delft')
  assert.deepEqual(told[0], ['frappe.client.get_value', { doctype: 'Customer', filters: 'C1', fieldname: 'city' }])
  scripts.close()
})

test('a refusal stops the event and is told in its own words; a fault is told and hurts nobody', async () => {
  const { scripts, commands, state } = form({ name: 'O1', qty: -1 })
  await scripts.load([
    { name: 'broken', script: 'let = ;' },
    {
      name: 'own',
      script: "frappe.ui.form.on('Order', { validate: (frm) => { if (frm.doc.qty < 0) frappe.throw('Too few') }, refresh: () => null.x })",
    },
  ])
  assert.equal(commands[0]?.op, 'failed')
  await assert.rejects(
    scripts.trigger('validate', state()),
    (error) => error instanceof ScriptFailure && error.kind === 'refused' && error.message === 'Too few',
  )
  await scripts.trigger('refresh', state())
  assert.equal(commands.at(-1)?.op, 'failed')
  scripts.close()
})

test('a form script has neither page nor cookie, and an endless one ends', async () => {
  const { scripts, commands, state, load } = form({ name: 'O1' })
  await load(`frappe.ui.form.on('Order', {
    refresh: () => console.log([typeof window, typeof document, typeof fetch, typeof process, typeof localStorage].join()),
    stuck: () => { for (;;) {} },
  })`)
  await scripts.trigger('refresh', state())
  assert.deepEqual(commands, [{ op: 'log', message: 'undefined,undefined,undefined,undefined,undefined' }])
  await scripts.trigger('stuck', state())
  assert.match((commands.at(-1) as { message: string }).message, /longer than 500 ms/)
  scripts.close()
})
