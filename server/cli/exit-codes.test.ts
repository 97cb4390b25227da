import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { MethodUnknown } from '#kernel/methods/errors.ts'
import { SiteExists, SiteNotFound, SiteUnreadable } from '#kernel/sites/errors.ts'
import { BadUsage } from './errors.ts'
import { errorValue, exitCodeOf } from './exit-codes.ts'

test('the exit code tells wrong use, not found, refused and broken apart', () => {
  assert.equal(exitCodeOf(new BadUsage({ reason: 'no' })), 2)
  assert.equal(exitCodeOf(new SiteNotFound({ host: 'x' })), 3)
  assert.equal(exitCodeOf(new MethodUnknown({ method: 'x' })), 3)
  assert.equal(exitCodeOf(new SiteExists({ host: 'x' })), 4)
  assert.equal(exitCodeOf(new SiteUnreadable({ folder: 'x', reason: 'y' })), 1)
  assert.equal(exitCodeOf(new TypeError('x')), 1)
  assert.ok(PermissionDenied.definition.status >= 400 && PermissionDenied.definition.status < 500)
})

test('an error nobody declared shows its message and nothing of the inside', () => {
  assert.deepEqual(errorValue(new TypeError('boom')), { error: { code: 'cli/failed', message: 'boom' } })
})
