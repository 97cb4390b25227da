import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineError } from '#client/rules/errors.ts'
import { type ErrorView, errorBody, successBody } from './envelope.ts'

const Refused = defineError<{ field: string; secret?: string }>({
  code: 'test/refused',
  status: 417,
  excType: 'MandatoryError',
  message: (d) => `${d.field} must be filled in.`,
})
const Broken = defineError<{ reason: string }>({
  code: 'test/broken',
  status: 500,
  excType: 'DatabaseError',
  message: (d) => `Broken: ${d.reason}`,
})
const Missing = defineError({ code: 'test/missing', status: 404, excType: 'DoesNotExistError', message: () => 'Not there.' })

const view: ErrorView = { version: 1, requestId: 'r-1', withTraceback: false, problemDetails: false, messages: [], sessionExpired: false }
const quiet = { answer: {}, messages: [] }

test('v1 leaves the key out when there is nothing to say, v2 says null', () => {
  assert.deepEqual(successBody(1, { key: 'message', data: undefined }, quiet, false), {})
  assert.deepEqual(successBody(1, { key: 'message', data: null }, quiet, false), {})
  assert.deepEqual(successBody(2, { data: undefined }, quiet, false), { data: null })
  assert.deepEqual(successBody(1, { key: 'message', data: 0 }, quiet, false), { message: 0 })
})

test('messages travel as JSON in JSON in v1, plainly in v2', () => {
  const ctx = { answer: { docs: [1] }, messages: [{ message: 'Saved', alert: true }] }
  assert.deepEqual(successBody(1, { data: 'x' }, ctx, true), {
    data: 'x',
    docs: [1],
    _server_messages: JSON.stringify([JSON.stringify({ message: 'Saved', alert: true })]),
    session_expired: 1,
  })
  assert.deepEqual(successBody(2, { data: 'x' }, ctx, false).messages, ctx.messages)
})

test('a v1 refusal speaks the words of Frappe and ours', () => {
  const { status, body } = errorBody(new Refused({ field: 'items[0].qty' }), view)
  assert.equal(status, 417)
  assert.equal(body.exc_type, 'MandatoryError')
  assert.deepEqual(JSON.parse(String(body.exc)), ['frappe.exceptions.MandatoryError: items[0].qty must be filled in.'])
  const [said] = JSON.parse(String(body._server_messages)) as string[]
  assert.equal(JSON.parse(String(said)).message, 'items[0].qty must be filled in.')
  assert.deepEqual(
    { ...(body.error as object), data: undefined },
    { code: 'test/refused', field: 'items[0].qty', message: 'items[0].qty must be filled in.', data: undefined },
  )
})

test('a v2 refusal names type, code and field; problem details do when asked for', () => {
  const { body } = errorBody(new Refused({ field: 'qty' }), { ...view, version: 2 })
  const [first] = body.errors as Record<string, unknown>[]
  assert.equal(first?.type, 'MandatoryError')
  assert.equal(first?.code, 'test/refused')
  assert.equal(first?.field, 'qty')
  const { body: problem } = errorBody(new Refused({ field: 'qty' }), { ...view, version: 2, problemDetails: true })
  assert.deepEqual(
    { ...problem, data: undefined },
    {
      type: 'about:blank',
      title: 'Mandatory',
      status: 417,
      detail: 'qty must be filled in.',
      code: 'test/refused',
      field: 'qty',
      data: undefined,
    },
  )
})

test('failures of the server say nothing of the inside', () => {
  for (const error of [new Error('password=hunter2 at /srv/x'), new Broken({ reason: 'secret column' }), 'thrown text', undefined]) {
    for (const version of [1, 2] as const) {
      const { status, body } = errorBody(error, { ...view, version })
      assert.equal(status, 500)
      assert.doesNotMatch(JSON.stringify(body), /hunter2|secret column|thrown text|\/srv/)
      assert.match(JSON.stringify(body), /r-1/)
    }
  }
})

test('a traceback is shown only where it may be, and never for what is not there', () => {
  const shown = errorBody(new Refused({ field: 'a' }), { ...view, withTraceback: true })
  assert.match(String(shown.body.exc), /envelope\.test\.ts/)
  assert.doesNotMatch(String(shown.body.exc), /\/[a-z]+\/[a-z]+\/server\//)
  const missing = errorBody(new Missing({}), { ...view, withTraceback: true })
  assert.equal(missing.body.exc, undefined)
  assert.equal(missing.body.exception, undefined)
})
