import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import sharp from 'sharp'
import { fileStoreOf } from '#kernel/files/file-store.ts'
import { findOrphans } from '#kernel/files/orphans.ts'
import { receiveStream } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { ZipWriter } from '#kernel/tabular/zip-write.ts'
import { Readable } from 'node:stream'
import { testS3 } from '#testing/s3-server.ts'
import { testServer } from '#testing/server.ts'

interface Uploaded {
  readonly status: number
  readonly file: Record<string, string>
  readonly error: { code: string; field?: string } | undefined
}

const picture = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: '#3a7' } })

async function zipOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const zip = new ZipWriter()
  const parts: Uint8Array[] = []
  for (const [name, content] of Object.entries(files)) for await (const part of zip.entry(name, [content])) parts.push(part)
  parts.push(...zip.end())
  return Buffer.concat(parts)
}

for (const driver of ['disk', 's3'] as const) {
  suite(`files of a site on ${driver}`, async () => {
    const s3 = driver === 's3' ? await testS3() : undefined
    const server = await testServer({ ...(s3 && { config: s3.config }) })
    const users = await Promise.all(['dana', 'erin'].map((name) => server.user(`${name}@example.com`, ['Desk User'])))
    const [dana = '', erin = ''] = await Promise.all(users.map((user) => server.keyOf(user)))
    const config = server.site.config as Record<string, unknown>
    after(() => server.close())
    const work = () => new Worker({ sites: async () => [server.site], pollMs: 20 }).drain()

    async function upload(name: string, content: string | Buffer, fields: Record<string, string> = {}, as = dana): Promise<Uploaded> {
      const form = new FormData()
      for (const [key, value] of Object.entries(fields)) form.append(key, value)
      form.append('file', new Blob([content as string]), name)
      const answer = await fetch(`${server.url}/api/method/upload_file`, { method: 'POST', body: form, headers: { authorization: as } })
      const json = (await answer.json()) as { message?: Record<string, string>; error?: { code: string } }
      return { status: answer.status, file: json.message ?? {}, error: json.error }
    }
    const get = (url: string, as = dana, headers: Record<string, string> = {}) =>
      fetch(
        server.url + url.split('?')[0]?.split('/').map(encodeURIComponent).join('/') + (url.includes('?') ? `?${url.split('?')[1]}` : ''),
        {
          redirect: 'manual',
          headers: { ...(as && { authorization: as }), ...headers },
        },
      )
    const bytes = async (answer: Response) => Buffer.from(await answer.arrayBuffer())
    const names = async () => (await Array.fromAsync(fileStoreOf(server.site).list())).map((one) => `${one.kind} ${one.name}`)
    const hidden = { is_private: '1' }

    test('a picture has small ones, turned the right way, without what the camera wrote, for those who may have it', async () => {
      const photo = await picture(1600, 800)
        .withExif({ IFD0: { Copyright: 'SECRET-OF-CAMERA', ImageDescription: 'x' } })
        .withMetadata({ orientation: 6 })
        .jpeg()
        .toBuffer()
      assert.equal((await sharp(photo).metadata()).orientation, 6)
      assert.ok(photo.includes('SECRET-OF-CAMERA'))
      const { file } = await upload('photo.jpg', photo, hidden)
      assert.equal(file.thumbnail_url, `${file.file_url}?preview=320`)
      const small = await get(file.thumbnail_url as string)
      assert.deepEqual([small.status, small.headers.get('content-type')], [200, 'image/webp'])
      const facts = await sharp(await bytes(small)).metadata()
      assert.deepEqual([facts.width, facts.height, facts.exif, facts.xmp], [160, 320, undefined, undefined])
      assert.deepEqual((await sharp(await bytes(await get(`${file.file_url}?preview=1280`))).metadata()).height, 1280)
      const again = await server.call('POST', '/api/resource/File', { as: dana, body: { file_url: file.file_url, file_name: 'again.jpg' } })
      assert.equal(again.json.data.thumbnail_url, file.thumbnail_url)
      assert.equal((await get(file.thumbnail_url as string, erin)).status, 403)
      assert.equal((await get(file.thumbnail_url as string, '')).status, 403)
      assert.equal((await get(`${file.file_url}?preview=5000`)).status, 417)
      assert.equal((await get(`${file.file_url}?preview=320`, dana, { 'if-none-match': small.headers.get('etag') ?? '' })).status, 304)
    })

    test('the job makes them before anybody asks, and they go with their file', async () => {
      const { file } = await upload('made.png', await picture(500, 500).png().toBuffer(), hidden)
      await work()
      const stem = (file.file_url as string).split('/').at(-1) as string
      assert.equal((await names()).filter((name) => name.startsWith(`preview ${stem}~`)).length, 3)
      assert.equal((await server.call('DELETE', `/api/resource/File/${file.name}`, { as: dana })).status, 202)
      assert.deepEqual(
        (await names()).filter((name) => name.includes(stem)),
        [],
      )
    })

    test('what is damaged, huge, or no picture has none, and costs one attempt', async () => {
      const png = await picture(300, 300).png().toBuffer()
      const { file: damaged } = await upload('damaged.png', png.subarray(0, 60))
      const bomb = await upload('bomb.png', await picture(9000, 9000).png().toBuffer())
      const svg = await upload('x.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>')
      const text = await upload('text.png', 'no picture')
      for (const { file } of [{ file: damaged }, bomb, svg, text]) {
        const answer = await get(`${file.file_url}?preview=64`)
        assert.equal(answer.status, 404, file.file_name)
        assert.equal(((await answer.json()) as { error: { code: string } }).error.code, 'files/no-preview')
      }
      assert.equal(svg.file.thumbnail_url ?? null, null)
      await work()
      const { json } = await server.call('GET', `/api/resource/File/${damaged.name}`)
      assert.equal(json.data.thumbnail_url ?? null, null)
    })

    test('of an animation the first frame is shown', async () => {
      const frames = Buffer.concat([Buffer.alloc(50 * 50 * 3, 10), Buffer.alloc(50 * 50 * 3, 200)])
      const gif = await sharp(frames, { raw: { width: 50, height: 100, channels: 3, pageHeight: 50 } as never })
        .gif()
        .toBuffer()
      const { file } = await upload('moving.gif', gif)
      const facts = await sharp(await bytes(await get(`${file.file_url}?preview=64`))).metadata()
      assert.deepEqual([facts.width, facts.height, facts.pages ?? 1], [50, 50, 1])
    })

    test('a public picture that becomes private takes its small ones along', async () => {
      const { file } = await upload('turned.png', await picture(400, 200).png().toBuffer())
      assert.equal((await get(file.thumbnail_url as string, '')).status, 200)
      const { json } = await server.call('PUT', `/api/resource/File/${file.name}`, { as: dana, body: { is_private: 1 } })
      assert.match(json.data.thumbnail_url, /^\/private\/files\/.*\?preview=320$/)
      assert.equal((await get(file.thumbnail_url as string, '')).status, 404)
      assert.equal((await get(json.data.thumbnail_url, '')).status, 403)
      assert.equal((await get(json.data.thumbnail_url)).status, 200)
    })

    test('a picture can be made smaller as it is uploaded; anything else stays as it is', async () => {
      const photo = await picture(3000, 1500).withMetadata({ orientation: 3 }).jpeg().toBuffer()
      const { file } = await upload('big.jpg', photo, { optimize: '1', max_width: '500', max_height: '500' })
      const stored = await bytes(await get(file.file_url as string))
      const { width, height, format, exif, orientation } = await sharp(stored).metadata()
      assert.deepEqual([width, height, format, exif, orientation], [500, 250, 'jpeg', undefined, undefined])
      assert.equal(Number(file.file_size), stored.length)
      const text = await upload('plain.txt', 'stays', { optimize: '1' })
      assert.equal(await (await get(text.file.file_url as string)).text(), 'stays')
      assert.equal((await upload('broken.jpg', photo.subarray(0, 200), { optimize: '1' })).error?.code, 'files/picture-unreadable')
    })

    test('an archive is replaced by its files, wherever its names would lead', async () => {
      const todo = await server.make('ToDo', { description: 'with files', allocated_to: 'dana@example.com' })
      const zip = await zipOf({
        'a.txt': 'one',
        'folder/b.txt': 'two',
        '../../../etc/c.txt': 'three',
        '__MACOSX/._a': 'x',
        '.hidden': 'x',
        'inner.zip': String(await zipOf({ q: 'w' })),
      })
      const { file } = await upload('all.zip', zip, { ...hidden, doctype: 'ToDo', docname: todo }, server.authorization)
      assert.equal(
        (await server.call('POST', '/api/method/frappe.core.api.file.unzip_file', { as: erin, body: { name: file.name } })).status,
        403,
      )
      const { json, status } = await server.call('POST', '/api/method/frappe.core.api.file.unzip_file', { body: { name: file.name } })
      assert.equal(status, 200)
      const files = json.message as Record<string, string>[]
      assert.deepEqual(files.map(({ file_name }) => file_name).toSorted(), ['a.txt', 'b.txt', 'c.txt', 'inner.zip'])
      for (const one of files)
        assert.deepEqual([one.attached_to_name, one.is_private, one.file_url?.startsWith('/private/files/')], [todo, 1, true])
      const c = files.find(({ file_name }) => file_name === 'c.txt')
      assert.equal(await (await get(c?.file_url as string, server.authorization)).text(), 'three')
      assert.equal((await server.call('GET', `/api/resource/File/${file.name}`)).status, 404)
    })

    test('an archive that would become too much is refused whole', async () => {
      const before = (await names()).length
      const honest = await zipOf({ 'a.txt': 'x'.repeat(300_000) })
      const shorter = Buffer.from(honest)
      const directory = shorter.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]))
      shorter.writeUInt32LE(10, directory + 24)
      const overlapping = Buffer.from(await zipOf({ 'a.txt': 'x'.repeat(1000), 'b.txt': 'y'.repeat(1000) }))
      overlapping.writeUInt32LE(0, overlapping.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 42)
      const many = await zipOf(Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`${index}`, ''])))
      const locked = Buffer.from(honest)
      locked.writeUInt16LE(0x0809, directory + 8)
      const archives: Record<string, Buffer> = {
        'lies about its size': shorter,
        overlapping,
        'too many': many,
        ratio: await zipOf({ 'zeros.txt': '0'.repeat(20_000_000) }),
        'too large': await zipOf({ 'large.txt': '0'.repeat(27_000_000) }),
        'with a program': await zipOf({ 'a.txt': 'a', 'run.exe': 'MZ' }),
        'cut off': honest.subarray(0, -30),
        'no archive': Buffer.from('PK nothing'),
        locked,
      }
      for (const [name, content] of Object.entries(archives)) {
        const { file } = await upload(`${name}.zip`, content)
        const { status, json } = await server.call('POST', '/api/method/frappe.core.doctype.file.file.unzip_file', {
          as: dana,
          body: { name: file.name },
        })
        assert.equal(status, 417, `${name}: ${JSON.stringify(json)}`)
        assert.match(json.error.code, /^files\/(archive-refused|extension-refused)$/, name)
        assert.equal((await get(file.file_url as string)).status, 200, `${name} is still there`)
      }
      assert.equal((await names()).length, before + Object.keys(archives).length)
      const incoming = (await readdir(join(server.site.folder, 'private', 'incoming'))).filter((name) => !name.startsWith('part-'))
      assert.deepEqual(incoming, [])
    })

    test('several files are sent as one archive to whoever may have each of them', async () => {
      const one = (await upload('same.txt', 'first', hidden)).file
      const two = (await upload('same.txt', 'second', hidden)).file
      const path = '/api/method/frappe.core.api.file.zip_files'
      const ask = (as: string, files: unknown) =>
        fetch(server.url + path, {
          method: 'POST',
          body: JSON.stringify({ files }),
          headers: { authorization: as, 'content-type': 'application/json' },
        })
      const answer = await ask(dana, JSON.stringify([one.name, { name: two.name }]))
      assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'application/zip'])
      const packed = await upload('again.zip', await bytes(answer))
      const { json } = await server.call('POST', '/api/method/frappe.core.api.file.unzip_file', {
        as: dana,
        body: { name: packed.file.name },
      })
      const found = await Promise.all(
        (json.message as Record<string, string>[]).map(async (file) => [file.file_name, await (await get(file.file_url as string)).text()]),
      )
      assert.deepEqual(found.toSorted(), [
        ['same (2).txt', 'second'],
        ['same.txt', 'first'],
      ])
      assert.equal((await ask(erin, [one.name])).status, 403)
      assert.equal((await ask(dana, ['no-such-file'])).status, 403)
      for (const nonsense of [[], 'x', [1], {}, ['']]) assert.equal((await ask(dana, nonsense)).status, 417, JSON.stringify(nonsense))
    })

    test('a public file is found by what it says, a private one is not', async () => {
      const docx = await zipOf({
        'word/document.xml':
          '<w:document><w:p><w:r><w:t>Zwetschgen &amp; more</w:t></w:r></w:p><w:p><w:t>secondpara</w:t></w:p></w:document>',
        '[Content_Types].xml':
          '<Types><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
      })
      const files: [string, string | Buffer, string][] = [
        ['a.txt', `Quittenbrot of ${driver}`, 'quittenbrot'],
        ['a.html', '<html><style>hiddenstyle</style><p>Mirabellen</p></html>', 'mirabellen'],
        ['a.csv', 'fruit,count\nReineclauden,3\n', 'reineclauden'],
        ['a.eml', 'From: dana@example.com\r\nSubject: Holunder\r\nContent-Type: text/html\r\n\r\n<p>Schlehen</p>\r\n', 'schlehen'],
        ['a.docx', docx, 'zwetschgen'],
      ]
      for (const [name, content] of files) assert.equal((await upload(name, content)).status, 200)
      await upload('b.txt', 'Vogelbeeren in secret', hidden)
      await upload('damaged.docx', docx.subarray(0, 200))
      await work()
      const hits = async (text: string) =>
        (
          (await server.call('GET', `/api/method/orchestrator.search.query?text=${text}`)).json.message.hits as Record<string, string>[]
        ).map(({ title }) => title)
      for (const [name, , word] of files) assert.deepEqual(await hits(word), [name], word)
      assert.deepEqual([await hits('vogelbeeren'), await hits('hiddenstyle')], [[], []])
    })

    test('limits of a document, a user and the site are kept', async () => {
      await server.make('DocType', {
        name: `Few ${driver}`,
        module: 'Custom',
        custom: 1,
        max_attachments: 2,
        fields: [{ fieldname: 'title', fieldtype: 'Data' }],
        permissions: [{ role: 'Desk User', read: 1, write: 1, create: 1 }],
      })
      const docname = await server.make(`Few ${driver}`, { title: 'x' })
      const attach = (content: string) => upload('few.txt', content, { doctype: `Few ${driver}`, docname })
      const answers = await Promise.all(['1', '2', '3', '4'].map(attach))
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 200, 417, 417])
      assert.equal((await attach('5')).error?.code, 'files/attachment-limit')
      for (const key of ['max_user_files_size', 'max_site_files_size']) {
        config[key] = 1000
        assert.equal((await upload('quota.txt', 'x'.repeat(1001))).error?.code, 'files/quota-reached', key)
        delete config[key]
      }
      assert.equal((await upload('quota.txt', 'x'.repeat(1001))).status, 200)
    })

    test('what a process left that died between placing and committing is removed, once it is old', async () => {
      const store = fileStoreOf(server.site)
      const { file } = await upload('kept.txt', 'kept', hidden)
      const local = join(server.site.folder, 'orphan')
      await writeFile(local, 'orphan')
      await store.place({ name: 'orphan.txt', isPrivate: true }, local)
      await store.place({ name: 'gone.png~0123456789abcdef-64.webp', isPrivate: true, kind: 'preview' }, local)
      const all = (await names()).length
      assert.equal((await findOrphans(server.site, { remove: true })).orphans, 0, 'young ones stay')
      const found = await findOrphans(server.site, { remove: false, days: -1 })
      assert.deepEqual(found.names.toSorted(), ['private/gone.png~0123456789abcdef-64.webp', 'private/orphan.txt'])
      assert.equal((await names()).length, all)
      await findOrphans(server.site, { remove: true, days: -1 })
      assert.equal((await names()).length, all - 2)
      assert.equal(await (await get(file.file_url as string)).text(), 'kept')
    })

    test('an upload whose transaction fails leaves no bytes', async () => {
      const before = await names()
      await assert.rejects(
        server.site.asSystem('test', async (ctx) => {
          const file = await receiveStream(ctx.site, Readable.from([Buffer.from('rolled back')]), 'rolled.txt')
          try {
            await storeFile(ctx, file, { isPrivate: true })
            throw new Error('no')
          } finally {
            await file.finish(ctx.site, false)
          }
        }),
        /^Error: no$/,
      )
      assert.deepEqual(await names(), before)
      // A commit whose answer got lost: the document is there, so the bytes stay.
      const file = await receiveStream(server.site, Readable.from([Buffer.from('committed')]), 'committed.txt')
      const stored = await server.asSystem((ctx) => storeFile(ctx, file, { isPrivate: true }))
      await file.finish(server.site, false)
      assert.equal(await (await get(String(stored.file_url), server.authorization)).text(), 'committed')
    })

    if (s3) {
      test('while the store is away, uploads and downloads say so, and nothing is half done', async () => {
        const { file } = await upload('there.txt', 'there', hidden)
        s3.faults.push(503, 503, 503, 503)
        const down = await get(file.file_url as string)
        assert.deepEqual([down.status, ((await down.json()) as { error: { code: string } }).error.code], [503, 'files/store-unavailable'])
        const { json } = await server.call('GET', '/api/resource/File?limit_page_length=0')
        s3.faults.push(503, 503, 503, 503)
        assert.equal((await upload('away.txt', 'away', hidden)).status, 503)
        assert.equal((await server.call('GET', '/api/resource/File?limit_page_length=0')).json.data.length, json.data.length)
        s3.faults.length = 0
        assert.equal((await upload('away.txt', 'away', hidden)).status, 200)
      })

      test('nobody waits in a transaction for bytes on their way', async () => {
        const begun = server.site.database.begin.bind(server.site.database)
        const asked: number[] = []
        server.site.database.begin = async () => {
          asked.push(s3.asked.length)
          return begun()
        }
        const before = s3.asked.length
        await upload('ahead.txt', 'sent ahead', hidden)
        server.site.database.begin = begun
        assert.ok(s3.asked.slice(before).some((line) => line.startsWith('PUT')))
        assert.ok(asked.length > 0 && asked.at(-1) === s3.asked.length, 'the way to the store comes before the transaction')
      })

      test('browsers are sent to the bucket where the site wants that, and only those who may have the file', async () => {
        config.s3_redirect = true
        server.site.cache.config.delete('files:store')
        const { file } = await upload('sent.html', '<script>alert(1)</script>', hidden)
        const answer = await get(file.file_url as string)
        const location = answer.headers.get('location') ?? ''
        assert.deepEqual([answer.status, answer.headers.get('cache-control')], [302, 'private, no-store'])
        const followed = await fetch(location)
        assert.equal(await followed.text(), '<script>alert(1)</script>')
        assert.match(followed.headers.get('content-disposition') ?? '', /^attachment; filename="sent.html"/)
        assert.deepEqual([(await get(file.file_url as string, erin)).status, (await get(file.file_url as string, '')).status], [403, 403])
        delete config.s3_redirect
        server.site.cache.config.delete('files:store')
        assert.equal((await get(file.file_url as string)).status, 200)
      })
    }
  })
}
