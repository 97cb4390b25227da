import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import type { FileStore, StorePlace } from '#kernel/files/file-store.ts'

/** What every store of files must do. @param open gives the store of a site that holds nothing yet */
export function fileStoreContract(name: string, open: () => Promise<FileStore>): void {
  suite(`file store contract: ${name}`, () => {
    let store: FileStore
    let folder: string
    let counter = 0
    before(async () => {
      store = await open()
      folder = await mkdtemp(join(tmpdir(), 'orc-files-'))
    })
    after(() => rm(folder, { recursive: true, force: true }))

    const local = async (content: string | Buffer): Promise<string> => {
      const path = join(folder, `local-${++counter}`)
      await writeFile(path, content)
      return path
    }
    const bytesOf = async (place: StorePlace, range?: { start: number; end: number }): Promise<Buffer> =>
      Buffer.concat(await Array.fromAsync(store.read(place, range) as AsyncIterable<Buffer>))
    const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

    test('what is placed is there, whole and in parts', async () => {
      const place = { name: 'ten digits.txt', isPrivate: true }
      assert.equal(await store.place(place, await local('0123456789')), true)
      assert.equal((await store.stat(place))?.size, 10)
      assert.ok(Math.abs(((await store.stat(place))?.modified ?? 0) - Date.now()) < 60_000)
      assert.equal(String(await bytesOf(place)), '0123456789')
      assert.equal(String(await bytesOf(place, { start: 2, end: 4 })), '234')
      assert.equal(String(await bytesOf(place, { start: 9, end: 9 })), '9')
      assert.equal(String(await readFile(await store.localPath(place))), '0123456789')
    })

    test('a place that is taken is not overwritten', async () => {
      const place = { name: 'taken.txt', isPrivate: false }
      assert.equal(await store.place(place, await local('first')), true)
      assert.equal(await store.place(place, await local('second')), false)
      assert.equal(String(await bytesOf(place)), 'first')
      const other = { name: 'other.txt', isPrivate: false }
      await store.place(other, await local('other'))
      assert.equal(await store.copy(other, place), false)
      assert.equal(String(await bytesOf(place)), 'first')
    })

    test('private, public and previews are kept apart under one name', async () => {
      const places: StorePlace[] = [
        { name: 'same.bin', isPrivate: true },
        { name: 'same.bin', isPrivate: false },
        { name: 'same.bin', isPrivate: true, kind: 'preview' },
      ]
      for (const [index, place] of places.entries()) assert.equal(await store.place(place, await local(`content ${index}`)), true)
      for (const [index, place] of places.entries()) assert.equal(String(await bytesOf(place)), `content ${index}`)
    })

    test('names in any script, and with any sign that a safe name may have, lead to their own file', async () => {
      const names = [
        "O'Brien (1)!.csv",
        'a+b=c@d,e~f.txt',
        'Änderung – 2026.pdf',
        '日本語.txt',
        '😀.png',
        'a b  c.txt',
        '100.tar.gz',
        '_-.txt',
      ]
      for (const name of names) assert.equal(await store.place({ name, isPrivate: true }, await local(`of ${name}`)), true, name)
      for (const name of names) assert.equal(String(await bytesOf({ name, isPrivate: true })), `of ${name}`)
      const listed = new Set((await Array.fromAsync(store.list())).map((place) => place.name))
      for (const name of names) assert.ok(listed.has(name), name)
    })

    test('an empty file is a file', async () => {
      const place = { name: 'empty.txt', isPrivate: true }
      assert.equal(await store.place(place, await local('')), true)
      assert.deepEqual([(await store.stat(place))?.size, (await bytesOf(place)).length], [0, 0])
    })

    test('a large file goes there and back without a change', async () => {
      const content = randomBytes(20 * 1024 * 1024 + 17)
      const place = { name: 'large.bin', isPrivate: true }
      assert.equal(await store.place(place, await local(content)), true)
      assert.equal((await store.stat(place))?.size, content.length)
      assert.equal(hashOf(await bytesOf(place)), hashOf(content))
      const start = 8 * 1024 * 1024 - 5
      assert.deepEqual(await bytesOf(place, { start, end: start + 9 }), content.subarray(start, start + 10))
      assert.equal(await store.place(place, await local(content)), false)
    })

    test('what was copied stays when the original goes', async () => {
      const [from, to] = [
        { name: 'from ä.txt', isPrivate: true },
        { name: 'to.txt', isPrivate: false },
      ]
      await store.place(from, await local('copied'))
      assert.equal(await store.copy(from, to), true)
      await store.remove(from)
      assert.equal(await store.stat(from), undefined)
      assert.equal(String(await bytesOf(to)), 'copied')
    })

    test('what is not there has no facts, cannot be read, and is removed without complaint', async () => {
      const place = { name: 'nothing.txt', isPrivate: true }
      assert.equal(await store.stat(place), undefined)
      await store.remove(place)
      await assert.rejects(bytesOf(place))
      await assert.rejects(store.place(place, join(folder, 'no-such-file')))
      assert.equal(await store.stat(place), undefined)
    })

    test('a name that would leave the folder is refused', async () => {
      const path = await local('x')
      for (const name of ['../x', 'a/b', '.hidden', '', 'a\\b', 'a\0b', '..'])
        await assert.rejects(async () => store.place({ name, isPrivate: true }, path), name)
    })

    test('a list tells of everything with its size', async () => {
      for (let number = 0; number < 30; number++)
        await store.place({ name: `listed-${number}.txt`, isPrivate: number % 2 === 0 }, await local('abc'))
      await store.place({ name: 'listed~0123456789abcdef-64.webp', isPrivate: true, kind: 'preview' }, await local('p'))
      const listed = (await Array.fromAsync(store.list())).filter(({ name }) => name.startsWith('listed'))
      assert.equal(listed.length, 31)
      assert.deepEqual(
        listed.filter(({ kind }) => kind === 'preview').map(({ size, isPrivate }) => [size, isPrivate]),
        [[1, true]],
      )
      for (const { name, size, isPrivate, kind } of listed)
        if (kind !== 'preview') assert.deepEqual([size, isPrivate], [3, Number(/\d+/.exec(name)?.[0]) % 2 === 0])
    })

    test('of two who want one place at the same time, what is there is one of theirs and whole', async () => {
      const place = { name: 'raced.bin', isPrivate: true }
      const contents = [Buffer.alloc(300_000, 1), Buffer.alloc(300_000, 2)]
      const paths = await Promise.all(contents.map(local))
      const won = await Promise.all(paths.map((path) => store.place(place, path)))
      assert.ok(won.includes(true))
      const found = await bytesOf(place)
      assert.ok(contents.some((content) => content.equals(found)))
    })
  })
}
