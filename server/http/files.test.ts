import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { test } from 'node:test'
import { testServer } from '#testing/server.ts'

const server = await testServer()
const [dana, erin] = await Promise.all(
  ['dana@example.com', 'erin@example.com'].map(async (user) => server.keyOf(await server.user(user, ['Desk User']))),
)

async function upload(
  fields: Record<string, string>,
  content: string | Uint8Array,
  name: string,
  as = dana as string,
  path = '/api/method/upload_file',
) {
  const form = new FormData()
  for (const [key, value] of Object.entries(fields)) form.append(key, value)
  form.append('file', new Blob([content as string]), name)
  const response = await fetch(server.url + path, { method: 'POST', body: form, headers: as ? { authorization: as } : {} })
  return { status: response.status, json: (await response.json()) as { message?: Record<string, string>; error?: { code: string } } }
}

const fetchFile = (url: string, as: string | undefined, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(server.url + encodeURI(url), { method, headers: { ...(as && { authorization: as }), ...headers } })

/** What lies in the folder of what arrives; it is emptied right after the answer. */
async function incoming(): Promise<string[]> {
  for (let waited = 0; ; waited += 50) {
    const found = (await readdir(join(server.site.folder, 'private', 'incoming')).catch(() => [])).filter(
      (name) => !name.startsWith('part-'),
    )
    if (found.length === 0 || waited > 3000) return found
    await setTimeout(50)
  }
}

test('a private file is for its owner and nobody else', async () => {
  const { json } = await upload({ is_private: '1' }, 'secret of dana', 'note.txt')
  const url = json.message?.file_url as string
  assert.equal(url, '/private/files/note.txt')
  assert.equal(await (await fetchFile(url, dana)).text(), 'secret of dana')
  assert.deepEqual([(await fetchFile(url, erin)).status, (await fetchFile(url, undefined)).status], [403, 403])
  assert.equal((await fetchFile('/private/files/nothing.txt', erin)).status, 403)
})

test('a public file is for everybody', async () => {
  const { json } = await upload({}, 'hello', 'public.txt')
  const answer = await fetchFile(json.message?.file_url as string, undefined)
  assert.deepEqual([answer.status, answer.headers.get('content-type'), await answer.text()], [200, 'text/plain; charset=utf-8', 'hello'])
})

test('a file attached to a document is for those who may read the document', async () => {
  const todo = await server.make('ToDo', { description: 'shared', allocated_to: 'erin@example.com' })
  const administrators = await upload({ is_private: '1', doctype: 'ToDo', docname: todo }, 'attached', 'attached.txt', server.authorization)
  const url = administrators.json.message?.file_url as string
  assert.equal((await fetchFile(url, erin)).status, 200)
  assert.equal((await fetchFile(url, dana)).status, 403)
})

test('nobody attaches a file to a document they may not change', async () => {
  const todo = await server.make('ToDo', { description: 'not danas' })
  assert.equal((await upload({ doctype: 'ToDo', docname: todo }, 'x', 'x.txt')).status, 403)
  assert.equal((await upload({}, 'x', 'x.txt', '')).status, 403)
  assert.deepEqual(await incoming(), [])
})

test('naming the address of a file of somebody else does not open it', async () => {
  const { json } = await upload({ is_private: '1' }, 'still danas', 'hers.txt')
  const url = json.message?.file_url as string
  const stolen = await server.call('POST', '/api/resource/File', { as: erin as string, body: { file_name: 'x', file_url: url } })
  assert.deepEqual([stolen.status, stolen.json.error.code], [417, 'files/url-refused'])
  const own = await upload({ is_private: '1' }, 'erins', 'own.txt', erin)
  const moved = await server.call('PUT', `/api/resource/File/${own.json.message?.name}`, { as: erin as string, body: { file_url: url } })
  assert.equal(moved.status, 417)
  for (const bad of ['/private/files/../site_config.json', 'javascript:alert(1)', 'file:///etc/passwd', '/etc/passwd'])
    assert.equal(
      (await server.call('POST', '/api/resource/File', { as: erin as string, body: { file_name: 'x', file_url: bad } })).status,
      417,
      bad,
    )
  assert.equal((await fetchFile(url, erin)).status, 403)
})

test('the same bytes are stored once; another file of the same name gets another address', async () => {
  const first = (await upload({ is_private: '1' }, 'same bytes', 'same.txt')).json.message
  const second = (await upload({ is_private: '1' }, 'same bytes', 'copy.txt')).json.message
  assert.equal(second?.file_url, first?.file_url)
  const third = (await upload({ is_private: '1' }, 'other bytes', 'same.txt')).json.message
  assert.match(third?.file_url ?? '', /^\/private\/files\/same[0-9a-f]{6}\.txt$/)
  const others = (await upload({ is_private: '1' }, 'same bytes', 'guess.txt', erin)).json.message
  assert.equal(others?.file_url, '/private/files/guess.txt')
})

test('bytes go with the last File that shares them', async () => {
  const first = (await upload({ is_private: '1' }, 'shared bytes', 'shared.txt')).json.message
  const second = (await upload({ is_private: '1' }, 'shared bytes', 'shared2.txt')).json.message
  const url = first?.file_url as string
  const remove = (name: unknown) => server.call('DELETE', `/api/resource/File/${name}`, { as: dana as string })
  assert.equal((await remove(first?.name)).status, 202)
  assert.equal((await fetchFile(url, dana)).status, 200)
  assert.equal((await remove(second?.name)).status, 202)
  assert.equal((await fetchFile(url, dana)).status, 403)
  assert.ok(!(await readdir(join(server.site.folder, 'private', 'files'))).includes('shared.txt'))
})

test('a private file made public moves, and back', async () => {
  const file = (await upload({ is_private: '1' }, 'moving', 'moving.txt')).json.message
  const change = async (is_private: number) =>
    (await server.call('PUT', `/api/resource/File/${file?.name}`, { as: dana as string, body: { is_private } })).json.data.file_url
  assert.equal(await change(0), '/files/moving.txt')
  assert.equal((await fetchFile('/files/moving.txt', undefined)).status, 200)
  assert.equal((await fetchFile('/private/files/moving.txt', dana)).status, 403)
  assert.equal(await change(1), '/private/files/moving.txt')
  assert.equal((await fetchFile('/files/moving.txt', undefined)).status, 404)
})

test('markup and scripts are downloads in a sandbox, whatever their name says', async () => {
  for (const [name, content] of [
    ['a.html', '<script>alert(1)</script>'],
    ['a.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['a.xml', '<?xml version="1.0"?><a/>'],
    ['a.png', '<html>'],
  ]) {
    const { json } = await upload({}, content as string, name as string)
    const answer = await fetchFile(json.message?.file_url as string, undefined)
    assert.match(answer.headers.get('content-disposition') ?? '', /^attachment/, name)
    assert.match(answer.headers.get('content-security-policy') ?? '', /sandbox/, name)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  }
  const png = await upload(
    {},
    Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'),
    'image.txt',
  )
  const answer = await fetchFile(png.json.message?.file_url as string, undefined)
  assert.equal(answer.headers.get('content-type'), 'image/png')
})

test('parts of a file are sent as asked for', async () => {
  const url = (await upload({ is_private: '1' }, '0123456789', 'digits.txt')).json.message?.file_url as string
  const part = async (range: string) => {
    const answer = await fetchFile(url, dana, { range })
    return [answer.status, answer.headers.get('content-range'), await answer.text()]
  }
  assert.deepEqual(await part('bytes=2-4'), [206, 'bytes 2-4/10', '234'])
  assert.deepEqual(await part('bytes=-3'), [206, 'bytes 7-9/10', '789'])
  assert.deepEqual(await part('bytes=8-'), [206, 'bytes 8-9/10', '89'])
  assert.deepEqual(await part('bytes=10-'), [416, 'bytes */10', ''])
  assert.deepEqual(await part('bytes=5-2'), [200, null, '0123456789'])
  assert.deepEqual(await part('lines=1-2'), [200, null, '0123456789'])
  const head = await fetchFile(url, dana, {}, 'HEAD')
  assert.deepEqual([head.headers.get('content-length'), await head.text()], ['10', ''])
  assert.equal((await fetchFile(url, dana, { 'if-none-match': head.headers.get('etag') ?? '' })).status, 304)
  assert.equal((await fetchFile(`/api/method/download_file?file_url=${url}`, dana)).status, 200)
})

test('a file that comes in parts is whole after the last, also when one came twice', async () => {
  const part = (index: number, offset: number, content: string) =>
    upload({ is_private: '1', chunk_index: String(index), total_chunk_count: '3', chunk_byte_offset: String(offset) }, content, 'parts.txt')
  assert.equal((await part(0, 0, 'one,')).json.message, undefined)
  assert.deepEqual((await part(2, 8, 'three')).json.error?.code, 'files/chunk-refused')
  assert.equal((await part(1, 4, 'two,')).status, 200)
  assert.equal((await part(1, 4, 'two,')).status, 200)
  const done = await part(2, 8, 'three')
  assert.equal(await (await fetchFile(done.json.message?.file_url as string, dana)).text(), 'one,two,three')
  assert.ok(!(await readdir(join(server.site.folder, 'private', 'incoming'))).some((name) => name.startsWith('part-')))
})

test('a file beyond the limit is refused, and nothing of it stays', async () => {
  ;(server.site.config as Record<string, unknown>).max_file_size = 1000
  assert.equal((await upload({}, 'x'.repeat(1001), 'big.bin')).status, 413)
  assert.equal((await upload({}, 'x'.repeat(1000), 'fits.bin')).status, 200)
  delete (server.site.config as Record<string, unknown>).max_file_size
  assert.deepEqual(await incoming(), [])
})

test('an upload that breaks off leaves nothing', async () => {
  const { port } = new URL(server.url)
  const head = `POST /api/method/upload_file HTTP/1.1\r\nhost: x\r\nauthorization: ${dana}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 100000\r\n\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="half.txt"\r\n\r\nhalf of it`
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(head, () => socket.destroy()))
    socket.on('close', () => resolve())
  })
  await setTimeout(50)
  assert.deepEqual(await incoming(), [])
  assert.equal((await fetchFile('/private/files/half.txt', dana)).status, 403)
})

test('names that lead elsewhere, programs and unknown folders are refused or made harmless', async () => {
  assert.equal((await upload({}, 'x', '../../../evil.txt')).json.message?.file_url, '/files/evil.txt')
  assert.equal((await upload({}, 'MZ', 'setup.exe')).status, 417)
  assert.equal((await upload({ folder: 'Nowhere' }, 'x', 'x.txt')).status, 417)
  assert.equal((await fetchFile('/files/..%2f..%2fsite_config.json', dana)).status, 404)
})

test('a page elsewhere can be attached by its address', async () => {
  const answer = await server.call('POST', '/api/method/upload_file', {
    as: dana as string,
    body: { file_url: 'https://example.com/a.pdf', file_name: 'a.pdf' },
  })
  assert.deepEqual([answer.status, answer.json.message.file_url], [200, 'https://example.com/a.pdf'])
  assert.equal((await server.call('POST', '/api/method/upload_file', { as: dana as string, body: { file: 'forged' } })).status, 417)
})
