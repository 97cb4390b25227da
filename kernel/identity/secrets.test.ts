import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { identityStage } from '#testing/identity-cast.ts'
import { SecretUnreadable } from './errors.ts'
import { decrypt, encrypt, getSecret, readSigned, renameSecrets, setSecret, signText } from './secrets.ts'

const stage = await identityStage()

test('a secret comes back as it went in, and is not readable in the table', async () => {
  const secret = 'gehéim 🔑'
  await stage.asSystem((ctx) => setSecret(ctx, 'User', 'a', 'api', secret))
  assert.equal(await stage.asSystem((ctx) => getSecret(ctx, 'User', 'a', 'api')), secret)
  const rows = await stage.site.database.query(stage.site.database.dialect.compile(sql`select * from ${sql.id('__Auth')}`))
  assert.ok(!JSON.stringify(rows).includes('gehéim'))
})

test('an empty text removes a secret, a new one replaces it, and renaming takes it along', async () => {
  await stage.asSystem(async (ctx) => {
    await setSecret(ctx, 'User', 'b', 'api', 'one')
    await setSecret(ctx, 'User', 'b', 'api', 'two')
    await setSecret(ctx, 'User', 'c', 'api', 'of c')
    await renameSecrets(ctx, 'User', 'b', 'd')
    assert.deepEqual([await getSecret(ctx, 'User', 'b', 'api'), await getSecret(ctx, 'User', 'd', 'api')], [undefined, 'two'])
    await renameSecrets(ctx, 'User', 'd', 'c')
    assert.equal(await getSecret(ctx, 'User', 'c', 'api'), 'of c', 'the surviving document keeps its own')
    await setSecret(ctx, 'User', 'c', 'api', '')
    assert.equal(await getSecret(ctx, 'User', 'c', 'api'), undefined)
  })
})

test('a secret put in the place of another, altered, or of another site cannot be read', async () => {
  const text = encrypt(stage.site, 'User/api', 'secret')
  assert.equal(decrypt(stage.site, 'User/api', text), 'secret')
  assert.throws(() => decrypt(stage.site, 'User/other', text))
  assert.throws(() => decrypt(stage.site, 'User/api', `${text.slice(0, -4)}AAA=`))
  assert.throws(() => decrypt({ config: { encryption_key: Buffer.alloc(32).toString('base64') } } as never, 'User/api', text))
  await stage.asSystem(async (ctx) => {
    await setSecret(ctx, 'User', 'e', 'api', 'x')
    await ctx.db.execute(ctx.db.dialect.compile(sql`update ${sql.id('__Auth')} set secret = ${'v1:AAAA'} where name = ${'e'}`))
    await assert.rejects(getSecret(ctx, 'User', 'e', 'api'), SecretUnreadable.is)
  })
})

test('a signed text is accepted unaltered, in time and for its purpose only', () => {
  const now = stage.site.clock.now()
  const signed = signText(stage.site, 'file', '/private/files/a.pdf', now + 60_000)
  assert.equal(readSigned(stage.site, 'file', signed), '/private/files/a.pdf')
  assert.equal(readSigned(stage.site, 'other', signed), undefined)
  assert.equal(readSigned(stage.site, 'file', `x${signed}`), undefined)
  assert.equal(readSigned(stage.site, 'file', signed.replace(/\.[^.]+\./, `.${(now + 9e9).toString(36)}.`)), undefined)
  assert.equal(readSigned(stage.site, 'file', signText(stage.site, 'file', 'x', now - 1)), undefined)
  for (const nonsense of ['', '.', '..', 'a.b.c.d']) assert.equal(readSigned(stage.site, 'file', nonsense), undefined)
})
