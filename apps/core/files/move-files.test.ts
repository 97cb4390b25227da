import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { insert } from '#kernel/documents/save.ts'
import { urlOf } from '#kernel/files/file-names.ts'
import { fileStoreOf, openStore } from '#kernel/files/file-store.ts'
import { copyFiles } from '#kernel/files/move-files.ts'
import { receiveStream } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { run } from '#server/cli/run.ts'
import { testS3 } from '#testing/s3-server.ts'
import { testServer } from '#testing/server.ts'

test('files are brought to S3 and back; what was interrupted goes on, and different bytes stop it', async () => {
  const s3 = await testS3()
  const { files: _, ...keys } = s3.config
  const server = await testServer({ config: keys })
  const add = (name: string, content: string, isPrivate = true) =>
    server.asSystem(async (ctx) =>
      storeFile(ctx, await receiveStream(ctx.site, Readable.from([Buffer.from(content)]), name), { isPrivate }),
    )
  const urls: string[] = []
  for (let number = 0; number < 12; number++)
    urls.push(String((await add(`ä ${number}.txt`, `content ${number}`, number % 3 !== 0)).file_url))
  await server.asSystem((ctx) => insert(ctx, 'File', { file_name: 'lost.txt', file_url: urlOf('lost.txt', true), is_private: 1 }))
  const [disk, bucket] = [openStore(server.site, 'disk'), openStore(server.site, 's3')]
  const place = { name: 'ä 7.txt', isPrivate: true }
  await bucket.place({ name: 'ä 5.txt', isPrivate: true }, await disk.localPath({ name: 'ä 5.txt', isPrivate: true }))
  await bucket.place(place, await disk.localPath({ name: 'ä 8.txt', isPrivate: true }))
  const stopped = await copyFiles(server.site, disk, bucket, () => undefined)
  assert.deepEqual(stopped, { copied: 10, present: 1, missing: ['/private/files/lost.txt'], different: ['/private/files/ä 7.txt'] })

  const orc = async (...line: string[]) => {
    let out = ''
    const sites = join(server.site.folder, '..')
    const code = await run([...line, '--site', server.site.host, '--json'], {
      env: { ORC_SITES: sites },
      print: (text) => (out += text),
      note: () => undefined,
      readInput: async () => '',
    })
    return { code, value: JSON.parse(out) as Record<string, unknown> }
  }
  assert.equal((await orc('files', 'move', '--to', 's3')).code, 1)
  await server.site.freshen()
  assert.equal(fileStoreOf(server.site).driver, 'disk')
  await bucket.remove(place)
  const { code, value } = await orc('files', 'move', '--to', 's3', '--clear')
  assert.deepEqual([code, value.copied, value.present, value.cleared], [0, 1, 11, 12])
  await server.site.freshen()
  assert.equal(fileStoreOf(server.site).driver, 's3')
  assert.deepEqual(await Array.fromAsync(disk.list()), [])
  const read = async (url: string) =>
    (await fetch(server.url + encodeURI(url), { headers: { authorization: server.authorization } })).text()
  for (const [number, url] of urls.entries()) assert.equal(await read(url), `content ${number}`)
  assert.equal((await orc('files', 'move', '--to', 'disk')).code, 0)
  await server.site.freshen()
  for (const [number, url] of urls.entries()) assert.equal(await read(url), `content ${number}`)
  assert.equal((await orc('files', 'move', '--to', 'tape')).code, 2)
  assert.equal((await orc('files', 'orphans')).value.orphans, 0)
})
