import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { callMethod } from './call.ts'
import { checkedPerDocument, defineMethod, guests, type Method, type Rule, roles, signedIn, type Verb } from './method.ts'

const method = (rule: Rule, verbs: readonly Verb[] = ['GET', 'POST']): Method =>
  defineMethod({ path: 'test.area.method', summary: 'For tests.', verbs, input: Type.Object({}), rule, handler: () => 'done' })

/** Only what the rule check looks at; these rules never reach a database. */
const caller = (user: { name?: string; roles?: string[]; scopes?: string[]; unrestricted?: boolean }) =>
  ({ user: { name: 'dana@example.com', unrestricted: false, ...user, roles: new Set(user.roles) } }) as unknown as Context

const outcome = async (rule: Rule, user: Parameters<typeof caller>[0], verbs?: readonly Verb[]) => {
  try {
    return await callMethod(caller(user), method(rule, verbs), {}, verbs?.[0] ?? 'POST')
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

test('a rule lets in whom it names and nobody else', async () => {
  assert.equal(await outcome(guests, { name: 'Guest' }), 'done')
  assert.equal(await outcome(signedIn, { name: 'Guest' }), 'method/denied')
  assert.equal(await outcome(signedIn, {}), 'done')
  assert.equal(await outcome(roles('Manager'), { roles: ['Clerk'] }), 'method/denied')
  assert.equal(await outcome(roles('Manager', 'Clerk'), { roles: ['Clerk'] }), 'done')
  assert.equal(await outcome(roles('Manager'), { unrestricted: true }), 'done')
  assert.equal(await outcome({ kind: 'invented' } as unknown as Rule, {}), 'method/denied')
})

test('a verb that is not declared is refused', async () => {
  await assert.rejects(callMethod(caller({}), method(guests, ['GET']), {}, 'POST'), /does not take POST/)
})

test('the scopes of a key narrow what it calls', async () => {
  const documents = checkedPerDocument('tests')
  assert.equal(await outcome(signedIn, { scopes: [] }), 'method/denied')
  assert.equal(await outcome(signedIn, { scopes: ['read'] }), 'done')
  assert.equal(await outcome(signedIn, { scopes: ['read'] }, ['POST']), 'method/denied')
  assert.equal(await outcome(signedIn, { scopes: ['doctype:Lead'] }), 'method/denied')
  assert.equal(await outcome(signedIn, { scopes: ['method:test.area.*'] }), 'done')
  assert.equal(await outcome(signedIn, { scopes: ['method:test.are'] }), 'method/denied')
  assert.equal(await outcome(documents, { scopes: ['doctype:Lead:read'] }), 'done')
  assert.equal(await outcome(documents, { scopes: ['doctype:Lead:read', 'read'] }, ['POST']), 'method/denied')
  assert.equal(await outcome(documents, { scopes: ['doctype:Lead'] }, ['POST']), 'done')
  assert.equal(await outcome(roles('Manager'), { scopes: ['read'], unrestricted: true }, ['POST']), 'method/denied')
  assert.equal(await outcome(guests, { scopes: [] }), 'done')
})
