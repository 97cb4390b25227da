import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallAnswer } from '#testing/server.ts'
import { everyCase, examine, type Fort, marks, type PersonName } from './fort.ts'

/** Attacks on files: their names, types and rights. To be mounted on a fortress whose files lie in whichever store. */
export function attackFiles(fort: Fort): void {
  interface Upload {
    name?: string
    content?: string | Uint8Array
    fields?: Record<string, string>
  }

  async function upload(who: PersonName, { name = 'a.txt', content = 'hello', fields = {} }: Upload = {}): Promise<CallAnswer> {
    const form = new FormData()
    for (const [key, value] of Object.entries(fields)) form.append(key, value)
    form.append('file', new Blob([content as string]), name)
    const person = fort.people[who]
    const response = await fetch(`${fort.url}/api/method/upload_file`, {
      method: 'POST',
      body: form,
      headers: person.authorization ? { authorization: person.authorization } : {},
    })
    const text = await response.text()
    let json: CallAnswer['json']
    try {
      json = JSON.parse(text)
    } catch {}
    const answer = { status: response.status, headers: response.headers, text, json }
    examine(answer, person, { verb: 'POST', path: `/api/method/upload_file ${name} ${JSON.stringify(fields)}` })
    return answer
  }

  /** A file as it is served; no JSON, so it is looked at less closely. */
  async function fetchFile(who: PersonName, path: string, headers: Record<string, string> = {}): Promise<CallAnswer> {
    const answer = await fort.call('GET', path, { as: fort.people[who].authorization, headers })
    assert.ok(answer.status < 500, path)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    return answer
  }

  const isPrivate = { is_private: '1' }

  test('markup and scripts are served as downloads that can do nothing, whatever they are called', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
    const html = '<html><script>alert(1)</script></html>'
    const files: [string, string][] = [
      ['x.svg', svg],
      ['x.html', html],
      ['x.htm', html],
      ['x.xhtml', html],
      ['x.xml', svg],
      ['x.png', html],
      ['x.jpg', svg],
      ['x.txt', html],
      ['x.pdf', html],
      ['x', html],
      ['x.svgz', svg],
      ['x.js', 'alert(1)'],
      ['x.mjs', 'alert(1)'],
      ['x.css', '*{}'],
      ['x.swf', 'CWS'],
      ['x.shtml', html],
      ['x.mht', html],
      ['x.HTML', html],
      ['x.html.png', html],
      ['x.png.html', html],
      ['x.json', html],
    ]
    await everyCase(files, async ([name, content]) => {
      const { json, status } = await upload('ann', { name, content: `${content}<!-- ${name} -->` })
      if (status >= 400) return
      const served = await fetchFile('ann', json.message.file_url)
      assert.equal(served.status, 200, name)
      const type = served.headers.get('content-type') ?? ''
      const inline = (served.headers.get('content-disposition') ?? '').startsWith('inline')
      assert.ok(!inline || /^(text\/plain|image\/(png|jpeg)|application\/pdf)/.test(type), `${name} is shown as ${type}`)
      assert.ok(!inline || !/html|svg|xml|javascript/.test(type), `${name}: ${type}`)
      assert.match(served.headers.get('content-security-policy') ?? '', /sandbox/, name)
    })
  })

  test('the name of a file cannot leave the folder, break a header or hide what it is', async () => {
    const names = [
      '../../../etc/cron.d/x',
      '..\\..\\x.txt',
      '/etc/passwd',
      'C:\\windows\\x.txt',
      'a\u0000.png',
      'a\r\nSet-Cookie: x=y.txt',
      'CON',
      'nul.txt',
      '.htaccess',
      '..',
      '.',
      '',
      ' ',
      'a'.repeat(3000),
      '\u202egpj.exe',
      '%2e%2e%2fx',
      'x.txt::$DATA',
      'a;b.txt',
      'a"b.txt',
      "a'b.txt",
      '<img src=x>.txt',
      'ü'.repeat(200),
      '😀.txt',
      '-rf.txt',
      '~',
      '$(id).txt',
      '`id`.txt',
      'x.exe',
      'x.php',
      '\ud800.txt',
    ]
    await everyCase(names, async (name) => {
      const { json, status } = await upload('ann', {
        name,
        content: `of ${JSON.stringify(name).slice(0, 50)}`,
        fields: { file_name: name.replaceAll('\0', '') },
      })
      if (status >= 400) return
      const { file_url, file_name } = json.message
      assert.match(file_url, /^\/files\/[^/\\\r\n\0]+$/, name)
      assert.ok(!file_url.includes('..'), file_url)
      assert.ok(!/[\r\n\0\u202e]/.test(file_name), name)
      const served = await fetchFile('ann', file_url.split('/').map(encodeURIComponent).join('/'))
      assert.equal(served.status, 200, file_url)
      assert.equal(served.headers.get('set-cookie'), null)
    })
  })

  test('a private file is for its owner and for whoever reads its document', async () => {
    const secret = `${marks.vault} file`
    const own = (await upload('bob', { name: `${marks.other}-own.txt`, content: secret, fields: isPrivate })).json.message
    const attached = (
      await upload('bob', {
        name: `${marks.other}-attached.txt`,
        content: `${secret} 2`,
        fields: { ...isPrivate, doctype: 'Fort Ticket', docname: `${marks.other}-ticket-1` },
      })
    ).json.message
    const ours = (
      await upload('chief', { name: 'ours.txt', content: 'ours', fields: { ...isPrivate, doctype: 'Fort Ticket', docname: 'A-ticket-1' } })
    ).json.message
    const level = (
      await upload('chief', {
        name: 'level.txt',
        content: `${marks.level}`,
        fields: { ...isPrivate, doctype: 'Fort Ticket', docname: 'A-ticket-1', fieldname: 'salary' },
      })
    ).json.message
    assert.equal((await fetchFile('rita', ours.file_url)).status, 200)
    assert.equal((await fetchFile('bob', own.file_url)).status, 200)
    for (const who of ['ann', 'rita', 'pia', 'mal', 'guest'] as const) {
      for (const file of [own, attached]) {
        for (const path of [
          file.file_url,
          `${file.file_url}?fid=${file.name}`,
          `/api/method/download_file?file_url=${file.file_url}`,
          `/api/method/frappe.core.doctype.file.file.download_file?file_url=${encodeURIComponent(file.file_url)}`,
          `/files/../private/files/${file.file_name}`,
          `/files/%2e%2e/private/files/${file.file_name}`,
          `/files/..%2fprivate%2ffiles%2f${file.file_name}`,
          `/files/${file.file_name}`,
          `/private//files/${file.file_name}`,
          `/PRIVATE/files/${file.file_name}`,
        ]) {
          const answer = await fetchFile(who, path)
          assert.ok(answer.status >= 400, `${who} ${path} -> ${answer.status}`)
          assert.ok(!answer.text.includes(secret))
        }
        await fort.refused(who, 'GET', `/api/resource/File/${file.name}`)
        await fort.refused(who, 'PUT', `/api/resource/File/${file.name}`, { body: { is_private: 0 } })
        await fort.refused(who, 'DELETE', `/api/resource/File/${file.name}`)
        await fort.refused(who, 'POST', '/api/method/frappe.desk.form.utils.remove_attach', {
          body: { fid: file.name, dt: 'Fort Ticket', dn: 'A-ticket-1' },
        })
        // Naming its address, or the record, must not open it.
        await fort.refused(who, 'POST', '/api/resource/File', { body: { file_url: file.file_url, file_name: 'mine.txt' } })
        await fort.refused(who, 'POST', '/api/method/upload_file', { body: { file_url: file.file_url } })
        await fort.refused(who, 'POST', '/api/method/upload_file', { body: { library_file_name: file.name } })
      }
    }
    for (const who of ['ann', 'rita'] as const)
      assert.ok((await fetchFile(who, level.file_url)).status >= 400, 'a file in a field that the user may not read')
  })

  test('a file that is not there and one that is not ours are answered alike', async () => {
    const hidden = (await upload('bob', { name: 'hidden.txt', content: 'hidden', fields: isPrivate })).json.message
    for (const make of [(url: string) => url, (url: string) => `/api/method/download_file?file_url=${url}`]) {
      const answers = []
      for (const url of [hidden.file_url, '/private/files/hiddex.txt']) {
        const { status, text, headers } = await fetchFile('ann', make(url))
        answers.push(`${status} ${text.replaceAll(url, '<url>').replaceAll(/[0-9a-f-]{36}/g, '<id>')} ${headers.get('etag')}`)
      }
      assert.equal(answers[0], answers[1])
    }
  })

  test('the same bytes do not tell that somebody else has them', async () => {
    const content = 'the same bytes for both'
    for (const fields of [{}, isPrivate] as Record<string, string>[]) {
      const theirs = (await upload('bob', { name: `${marks.other}-payroll.txt`, content, fields })).json.message
      const mine = (await upload('ann', { name: 'innocent.txt', content, fields })).json.message
      assert.notEqual(mine.file_url, theirs.file_url)
      const again = (await upload('ann', { name: 'innocent-2.txt', content, fields })).json.message
      assert.equal(again.file_url, mine.file_url, 'one’s own bytes are stored once')
    }
  })

  test('what is attached to a document needs the right to change it, when it is uploaded and later', async () => {
    const others = [
      ['Fort Ticket', `${marks.other}-ticket-1`],
      ['Fort Vault', 'vault-1'],
      ['Fort Diary', 'admins-diary'],
      ['User', 'Administrator'],
      ['Nothing', 'x'],
      ['Fort Ticket', 'no-such-ticket'],
    ] as const
    const mine = (await upload('ann', { name: 'mine.txt', content: 'mine' })).json.message
    await fort.writesNothing(async () => {
      for (const [doctype, docname] of others) {
        const answer = await upload('ann', { name: 'planted.txt', content: 'planted', fields: { doctype, docname } })
        assert.ok(answer.status >= 400, `${doctype} ${docname} -> ${answer.text}`)
        await fort.refused('ann', 'POST', '/api/resource/File', {
          body: { file_url: 'https://example.com/x', attached_to_doctype: doctype, attached_to_name: docname },
        })
        await fort.refused('ann', 'PUT', `/api/resource/File/${mine.name}`, {
          body: { attached_to_doctype: doctype, attached_to_name: docname },
        })
      }
      assert.ok((await upload('rita', { name: 'planted.txt', fields: { doctype: 'Fort Ticket', docname: 'A-ticket-1' } })).status >= 400)
      assert.ok((await upload('guest', { name: 'planted.txt' })).status >= 400)
    })
  })

  test('what is known of a file’s bytes is not the caller’s to say', async () => {
    const mine = (await upload('ann', { name: 'said.txt', content: '<script>alert(1)</script> said' })).json.message
    await fort.ask('ann', 'PUT', `/api/resource/File/${mine.name}`, {
      body: {
        content_type: 'text/html\r\nx: y',
        content_hash: 'x',
        file_size: 0,
        uploaded_by: 'bob@example.com',
        is_folder: 1,
        file_type: 'HTML',
      },
    })
    const { json } = await fort.ask('admin', 'GET', `/api/resource/File/${mine.name}`)
    assert.equal(json.data.content_type, 'text/plain')
    assert.equal(json.data.uploaded_by, 'ann@example.com')
    assert.equal(json.data.content_hash, mine.content_hash)
    for (const file_url of [
      '/private/files/../../site_config.json',
      '/files/../site_config.json',
      'file:///etc/passwd',
      'javascript:alert(1)',
      '/etc/passwd',
      'data:text/html,x',
      '//evil.example/x',
      '/api/method/logout',
      '\\\\evil\\x',
    ])
      await fort.refused('ann', 'PUT', `/api/resource/File/${mine.name}`, { body: { file_url } })
    assert.equal((await fetchFile('ann', mine.file_url)).headers.get('content-type'), 'text/plain; charset=utf-8')
  })

  test('parts of a file belong to whoever sends them', async () => {
    const parts = (who: PersonName, content: string, offset: number, index: number) =>
      upload(who, {
        name: 'whole.txt',
        content,
        fields: {
          uuid: 'same-id',
          dzuuid: 'same-id',
          chunk_index: String(index),
          total_chunk_count: '2',
          chunk_byte_offset: String(offset),
          total_file_size: '10',
          ...isPrivate,
        },
      })
    await parts('bob', 'AAAAA', 0, 0)
    const mixed = await parts('ann', 'BBBBB', 5, 1)
    if (mixed.json?.message?.file_url) {
      const served = await fetchFile('ann', mixed.json.message.file_url)
      assert.ok(!served.text.includes('AAAAA'), 'the first part of somebody else is not mine')
    }
    for (const fields of [
      { chunk_index: '-1', total_chunk_count: '2', chunk_byte_offset: '0' },
      { chunk_index: '5', total_chunk_count: '2', chunk_byte_offset: '0' },
      { chunk_index: '0', total_chunk_count: '99999999', chunk_byte_offset: '0' },
      { chunk_index: '0', total_chunk_count: '2', chunk_byte_offset: '-5' },
      { chunk_index: '0', total_chunk_count: '2', chunk_byte_offset: '999999999999' },
      { chunk_index: 'x', total_chunk_count: 'y', chunk_byte_offset: 'z' },
      { chunk_index: '1', total_chunk_count: '2', chunk_byte_offset: '99', uuid: '../../x' },
      { chunk_index: '0', total_chunk_count: '1e9', chunk_byte_offset: '0' },
    ] as Record<string, string>[])
      await upload('ann', { name: 'odd.txt', content: 'x', fields })
  })

  test('multipart bodies that are broken are refused, and nothing stays behind', async () => {
    const part = (head: string, body: string) => `--b\r\n${head}\r\n\r\n${body}\r\n`
    const file = part('content-disposition: form-data; name="file"; filename="x.txt"\r\ncontent-type: text/plain', 'x')
    const bodies: Record<string, string> = {
      'no end': file,
      'no parts': '--b--\r\n',
      'no name': `${part('content-disposition: form-data', 'x')}--b--\r\n`,
      'two files': `${file}${file}--b--\r\n`,
      prototype: `${part('content-disposition: form-data; name="__proto__"', '{}')}${file}--b--\r\n`,
      'field twice': `${part('content-disposition: form-data; name="doctype"', 'User')}${part('content-disposition: form-data; name="doctype"', 'Note')}${file}--b--\r\n`,
      'many fields': `${Array.from({ length: 500 }, (_, at) => part(`content-disposition: form-data; name="f${at}"`, 'x')).join('')}${file}--b--\r\n`,
      'long field': `${part('content-disposition: form-data; name="folder"', 'x'.repeat(2_000_000))}${file}--b--\r\n`,
      'bad UTF-8': `${part('content-disposition: form-data; name="folder"', '\ufffd')}${file}--b--\r\n`,
      'wrong boundary': file.replaceAll('--b', '--c'),
      nothing: '',
    }
    await fort.writesNothing(() =>
      everyCase(Object.entries(bodies), async ([name, body]) => {
        const answer = await fort.ask('ann', 'POST', '/api/method/upload_file', {
          body,
          headers: { 'content-type': 'multipart/form-data; boundary=b' },
        })
        assert.ok(answer.status >= 400, `${name} -> ${answer.status} ${answer.text.slice(0, 300)}`)
      }),
    )
    // Anything may come as multipart; it is no way around what JSON is refused.
    await fort.writesNothing(async () => {
      for (const [path, fields] of [
        ['/api/method/frappe.client.delete', { doctype: 'Fort Vault', name: 'vault-1' }],
        ['/api/method/frappe.client.insert', { doc: '{"doctype":"Fort Plain","__proto__":{"a":1}}' }],
      ] as const) {
        const form = new FormData()
        for (const [key, value] of Object.entries(fields)) form.append(key, value)
        const response = await fetch(fort.url + path, {
          method: 'POST',
          body: form,
          headers: { authorization: fort.people.ann.authorization },
        })
        assert.ok(response.status >= 400 && response.status < 500, path)
      }
    })
  })

  test('files over the limit are refused while they arrive', async () => {
    const answer = await upload('ann', { name: 'big.bin', content: Buffer.alloc(26 * 1024 * 1024) })
    assert.equal(answer.status, 413)
  })

  test('ranges and conditions of a download end as they should', async () => {
    const { file_url } = (await upload('ann', { name: 'ranged.txt', content: '0123456789' })).json.message
    for (const range of [
      'bytes=-0',
      'bytes=10-',
      'bytes=99-',
      'bytes=5-2',
      'bytes=a-b',
      'bytes=0-1,2-3',
      'bytes=-99999999999999999999',
      'x',
      'bytes=0-99999999999999999999',
      `bytes=${'0-1,'.repeat(1000)}`,
    ]) {
      const answer = await fetchFile('ann', file_url, { range })
      assert.ok([200, 206, 416].includes(answer.status), `${range} -> ${answer.status}`)
    }
    assert.equal((await fetchFile('ann', file_url, { range: 'bytes=2-4' })).text, '234')
  })
}
