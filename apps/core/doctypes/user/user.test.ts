import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { createKey } from '#kernel/identity/api-keys.ts'
import { ConfirmationNeeded, InvalidCredential, InvalidLogin, ProtectedUser } from '#kernel/identity/errors.ts'
import { freshPrincipal, identityStage } from '#testing/identity-cast.ts'

const stage = await identityStage()
const change = (as: string, user: string, values: Record<string, unknown>) =>
  stage.as(as, async (ctx) => save(ctx, await openForWrite(ctx, 'User', user), values))
await stage.person('manager@example.com', ['System Manager'])
await stage.person('other-manager@example.com', ['System Manager'])

test('name and address are lower case, the full name is put together', async () => {
  const document = await stage.asSystem((ctx) =>
    insert(ctx, 'User', { email: ' Dana.Smith@Example.COM ', first_name: 'Dana', last_name: 'Smith', send_welcome_email: 0 }),
  )
  assert.deepEqual([document.name, document.email, document.full_name], ['dana.smith@example.com', 'dana.smith@example.com', 'Dana Smith'])
})

test('the kind of user follows from the roles, whatever the caller writes', async () => {
  const website = await stage.asSystem((ctx) =>
    insert(ctx, 'User', { email: 'w@example.com', first_name: 'W', user_type: 'System User', send_welcome_email: 0 }),
  )
  assert.equal(website.user_type, 'Website User')
  const desk = await change('manager@example.com', 'w@example.com', { roles: [{ role: 'System Manager' }] })
  assert.equal(desk.user_type, 'System User')
})

test('roles count at once, in every process, and disabled roles do not', async () => {
  const user = await stage.person('roles@example.com')
  assert.deepEqual([...(await freshPrincipal(stage.site, user)).roles].sort(), ['All', 'Guest'])
  await stage.make('Role', { role_name: 'Night Nurse', desk_access: 1 })
  await change('manager@example.com', user, { roles: [{ role: 'Night Nurse' }] })
  assert.deepEqual([...(await freshPrincipal(stage.site, user)).roles].sort(), ['All', 'Desk User', 'Guest', 'Night Nurse'])
  await stage.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Role', 'Night Nurse'), { disabled: 1 }))
  const { roles, userType } = await freshPrincipal(stage.site, user)
  assert.deepEqual([[...roles].sort(), userType], [['All', 'Guest'], 'Website User'])
})

test('a role profile gives its roles', async () => {
  await stage.make('Role', { role_name: 'Planner', desk_access: 1 })
  await stage.make('Role Profile', { role_profile: 'Planning', roles: [{ role: 'Planner' }] })
  const user = await stage.person('profile@example.com')
  const saved = await change('manager@example.com', user, { role_profile_name: 'Planning' })
  assert.equal(saved.user_type, 'System User')
  assert.ok((await freshPrincipal(stage.site, user)).roles.has('Planner'))
})

test('a role row named Administrator gives nothing, one named Desk User makes a System User', async () => {
  const user = await stage.person('climber@example.com')
  await change('manager@example.com', user, { roles: [{ role: 'Administrator' }] })
  const before = await freshPrincipal(stage.site, user)
  assert.deepEqual([[...before.roles].sort(), before.unrestricted, before.userType], [['All', 'Guest'], false, 'Website User'])
  await change('manager@example.com', user, { roles: [{ role: 'Desk User' }] })
  const after = await freshPrincipal(stage.site, user)
  assert.deepEqual([[...after.roles].sort(), after.userType], [['All', 'Desk User', 'Guest'], 'System User'])
})

test('a System Manager changes neither Administrator nor Guest, and nobody deletes or renames them', async () => {
  for (const user of ['Administrator', 'Guest']) {
    await assert.rejects(change('manager@example.com', user, { new_password: 'fake-taken-over-1' }), ProtectedUser.is)
    await assert.rejects(
      stage.as('Administrator', (ctx) => remove(ctx, 'User', user)),
      ProtectedUser.is,
    )
    await assert.rejects(
      stage.as('Administrator', (ctx) => rename(ctx, 'User', user, 'x@example.com')),
      ProtectedUser.is,
    )
  }
  await assert.rejects(change('Administrator', 'Administrator', { enabled: 0 }), ProtectedUser.is)
  await assert.rejects(change('Administrator', 'Guest', { roles: [{ role: 'System Manager' }] }), ProtectedUser.is)
})

test('a password set by a System Manager opens the account, ends its sessions, and is stored nowhere in the clear', async () => {
  const user = await stage.person('forgot@example.com')
  const { sid } = await stage.enter(user)
  const saved = await change('manager@example.com', user, { new_password: 'fake-given-anew-1' })
  assert.equal(saved.new_password, null)
  assert.equal((await stage.knock({ sid })).via, 'guest')
  await assert.rejects(stage.enter(user), InvalidLogin.is)
  await stage.enter(user, { password: 'fake-given-anew-1' })
  for (const table of ['tabUser', '__Auth', 'tabAudit Entry', 'tabVersion']) {
    const rows = await stage.site.database.query(stage.site.database.dialect.compile(sql`select * from ${sql.id(table)}`))
    assert.ok(!JSON.stringify(rows).includes('fake-given-anew-1'), table)
  }
})

test('a weak password is refused with the field', async () => {
  await assert.rejects(change('manager@example.com', 'other-manager@example.com', { new_password: 'password' }), {
    code: 'identity/password-refused',
    field: 'new_password',
  })
})

test('in a session nobody changes the own password or address without the old password', async () => {
  const { sid } = await stage.enter('other-manager@example.com')
  const own = (values: Record<string, unknown>) =>
    stage.inSession(sid, async (ctx) => save(ctx, await openForWrite(ctx, 'User', 'other-manager@example.com'), values))
  await assert.rejects(own({ new_password: 'fake-stolen-session-1' }), ConfirmationNeeded.is)
  await assert.rejects(own({ email: 'elsewhere@example.com' }), ConfirmationNeeded.is)
  await assert.rejects(
    stage.inSession(sid, (ctx) => rename(ctx, 'User', 'other-manager@example.com', 'elsewhere@example.com')),
    ConfirmationNeeded.is,
  )
})

test('a new user is mailed an invitation when asked for, and not when a password was given', async () => {
  const add = (email: string, more: Record<string, unknown>) =>
    stage.asSystem((ctx) => insert(ctx, 'User', { email, first_name: 'N', ...more }))
  await add('welcome@example.com', { send_welcome_email: 1 })
  assert.ok(await stage.mailedKey('welcome@example.com'))
  await add('given@example.com', { send_welcome_email: 1, new_password: 'fake-given-along-1' })
  assert.equal(await stage.mailedKey('given@example.com'), '')
  await stage.enter('given@example.com', { password: 'fake-given-along-1' })
})

test('a deleted user takes sessions and keys along', async () => {
  const user = await stage.person('leaver@example.com')
  const { sid } = await stage.enter(user)
  const key = await stage.asSystem((ctx) => createKey(ctx, user, { label: 'x' }))
  await stage.as('manager@example.com', (ctx) => remove(ctx, 'User', user))
  assert.equal((await stage.knock({ sid })).via, 'guest')
  await assert.rejects(stage.knock({ authorization: `token ${key.api_key}:${key.api_secret}` }), InvalidCredential.is)
  await assert.rejects(
    stage.as('manager@example.com', (ctx) => remove(ctx, 'User', 'manager@example.com')),
    ProtectedUser.is,
  )
})

test('a renamed user keeps password and keys', async () => {
  const user = await stage.person('before@example.com')
  const key = await stage.asSystem((ctx) => createKey(ctx, user, { label: 'x' }))
  await stage.as('manager@example.com', (ctx) => rename(ctx, 'User', user, 'after@example.com'))
  assert.equal((await stage.enter('after@example.com')).principal.name, 'after@example.com')
  assert.equal((await stage.knock({ authorization: `token ${key.api_key}:${key.api_secret}` })).principal.name, 'after@example.com')
})
