import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isSecretKey } from '#kernel/audit/redact.ts'
import type { Site } from '#kernel/sites/site.ts'
import { fileStoreContract } from '#testing/contracts/files.ts'
import { testS3 } from '#testing/s3-server.ts'
import { StoreMisconfigured, StoreUnavailable } from './errors.ts'
import { type FileStore, openStore } from './file-store.ts'

const folder = await mkdtemp(join(tmpdir(), 'orc-stores-'))
after(() => rm(folder, { recursive: true, force: true }))
const s3 = await testS3()
let sites = 0

/** All of a site that a store looks at. */
function siteWith(config: Readonly<Record<string, unknown>>, host = `store-${process.pid}-${++sites}.localhost`): Site {
  return { host, folder: join(folder, host), config } as unknown as Site
}

const open = async (driver: string): Promise<FileStore> => openStore(siteWith(s3.config), driver)

fileStoreContract('disk', () => open('disk'))
fileStoreContract('s3', () => open('s3'))

const local = async (content: string | Buffer): Promise<string> => {
  const path = join(folder, `local-${randomBytes(4).toString('hex')}`)
  await writeFile(path, content)
  return path
}
const read = async (store: FileStore, name: string): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(store.read({ name, isPrivate: true }) as AsyncIterable<Buffer>))

test('requests to S3 that fail in passing are made again', async () => {
  const store = await open('s3')
  const place = { name: 'again.txt', isPrivate: true }
  s3.faults.push(503, 'reset', 500)
  assert.equal(await store.place(place, await local('again')), true)
  assert.equal(s3.faults.length, 0)
  s3.faults.push('reset', 429)
  assert.equal(String(await read(store, 'again.txt')), 'again')
})

test('a refusal is not asked for again', async () => {
  const store = await open('s3')
  const before = s3.asked.length
  s3.faults.push(403)
  await assert.rejects(store.stat({ name: 'x.txt', isPrivate: true }), StoreUnavailable.is)
  assert.equal(s3.asked.length, before + 1)
})

test('a store that stays away is told of as such, and what it says of itself is not passed on', async () => {
  const store = await open('s3')
  s3.faults.push(503, 503, 503, 503)
  await assert.rejects(store.stat({ name: 'x.txt', isPrivate: true }), (error: Error) => {
    assert.ok(StoreUnavailable.is(error))
    assert.doesNotMatch(error.message, /Trouble|127\.0\.0\.1/)
    return true
  })
})

test('a download that breaks off goes on where it stopped', async () => {
  const store = await open('s3')
  const content = randomBytes(1_500_000)
  await store.place({ name: 'broken.bin', isPrivate: true }, await local(content))
  s3.faults.push('cut', 'cut')
  const before = s3.asked.length
  assert.ok((await read(store, 'broken.bin')).equals(content))
  assert.equal(s3.asked.length - before, 3)
})

test('an upload in parts survives failures, and one that fails leaves nothing', async () => {
  const store = await open('s3')
  const content = randomBytes(17 * 1024 * 1024)
  const path = await local(content)
  // Looking whether the place is free; beginning; parts.
  s3.faults.push('pass', 503, 'pass', 500, 'reset', 'pass', 500)
  assert.equal(await store.place({ name: 'parts.bin', isPrivate: true }, path), true)
  assert.ok((await read(store, 'parts.bin')).equals(content))
  assert.equal(s3.faults.length, 0)
  s3.faults.push('pass', 'pass', 'pass', 403)
  await assert.rejects(store.place({ name: 'failed.bin', isPrivate: true }, path), StoreUnavailable.is)
  assert.match(s3.asked.at(-1) ?? '', /^DELETE .*uploadId=/)
  assert.equal(await store.stat({ name: 'failed.bin', isPrivate: true }), undefined)
})

test('a client who goes away during a download frees the connection', async () => {
  const store = await open('s3')
  await store.place({ name: 'left.bin', isPrivate: true }, await local(randomBytes(4_000_000)))
  const stream = store.read({ name: 'left.bin', isPrivate: true })
  await new Promise((resolve) => stream.once('data', resolve))
  stream.destroy()
  await new Promise((resolve) => stream.once('close', resolve))
  assert.equal((await store.stat({ name: 'left.bin', isPrivate: true }))?.size, 4_000_000)
})

test('an address that is handed over gives the file as it was asked for', async () => {
  const store = openStore(siteWith({ ...s3.config, s3_redirect: true }), 's3')
  const place = { name: 'häng.txt', isPrivate: true }
  await store.place(place, await local('handed over'))
  const how = {
    disposition: `attachment; filename="h_ng.txt"; filename*=UTF-8''h%C3%A4ng.txt`,
    type: 'text/plain; charset=utf-8',
    seconds: 60,
  }
  const url = store.handOver(place, how) as string
  assert.match(url, /X-Amz-Expires=60&/)
  const answer = await fetch(url)
  assert.equal(await answer.text(), 'handed over')
  assert.equal(answer.headers.get('content-type'), how.type)
  assert.equal(answer.headers.get('content-disposition'), how.disposition)
  assert.equal((await open('s3')).handOver(place, how), undefined)
})

test('two sites with one bucket do not see each other’s files', async () => {
  const [one, other] = [await open('s3'), await open('s3')]
  await one.place({ name: 'mine.txt', isPrivate: true }, await local('mine'))
  assert.equal(await other.stat({ name: 'mine.txt', isPrivate: true }), undefined)
  assert.deepEqual(await Array.fromAsync(other.list()), [])
})

test('a configuration that leads nowhere is refused with the key that is wrong', () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ s3_bucket: '' }, 's3_bucket'],
    [{ s3_bucket: 'A/B' }, 's3_bucket'],
    [{ s3_access_key: undefined }, 's3_access_key'],
    [{ s3_secret_key: undefined }, 's3_secret_key'],
    [{ s3_endpoint: 'ftp://x' }, 's3_endpoint'],
    [{ s3_endpoint: 'nonsense' }, 's3_endpoint'],
  ]
  for (const [change, field] of wrong)
    assert.throws(
      () => openStore(siteWith({ ...s3.config, ...change }), 's3'),
      (error) => StoreMisconfigured.is(error) && (error as unknown as { data: { field: string } }).data.field === field,
    )
  assert.throws(() => openStore(siteWith({}), 'tape'), StoreMisconfigured.is)
})

test('the secret key of a bucket is covered wherever a configuration is shown or logged', () => {
  for (const key of Object.keys(s3.config).filter((name) => name.includes('secret'))) assert.ok(isSecretKey(key), key)
})
