import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { after, suite, test } from 'node:test'
import { addressKind } from './addresses.ts'
import { AddressRefused, AnswerRefused, UrlInvalid } from './errors.ts'
import { type FetchOptions, safeFetch } from './safe-fetch.ts'

const siteWith = (...external_allow: string[]) => ({
  config: { db_type: 'sqlite' as const, encryption_key: '', external_allow },
})
const nowhere = siteWith()

/** A server of strangers on the loopback. */
async function stranger(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const textOf = (body: Uint8Array) => Buffer.from(body).toString('utf8')
const at = (...addresses: string[]): FetchOptions['resolve'] => {
  return async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
}

suite('which addresses are public', () => {
  test('every range that leads inside is refused, in each of its spellings', () => {
    for (const address of [
      '127.0.0.1',
      '127.255.255.254',
      '0.0.0.0',
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      '100.127.255.255',
      '192.0.0.1',
      '192.0.2.1',
      '198.18.0.1',
      '198.51.100.7',
      '203.0.113.9',
      '224.0.0.1',
      '255.255.255.255',
      '192.88.99.1',
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '::ffff:7f00:1',
      '::127.0.0.1',
      '64:ff9b::7f00:1',
      '64:ff9b:1::1',
      '2002:7f00:1::',
      '2001:0:4136:e378::1',
      '2001:db8::1',
      'fc00::1',
      'fdff::1',
      'fec0::1',
      'ff02::1',
      '100::1',
      '5f00::1',
      '3fff::1',
      '2400:cb00::5efe:7f00:1',
      '2400:cb00::200:5efe:7f00:1',
      'no address',
    ])
      assert.equal(addressKind(address), 'private', address)
    for (const address of ['169.254.169.254', '100.100.100.200', '168.63.129.16', 'fe80::1', 'fd00:ec2::254', '::ffff:169.254.169.254'])
      assert.equal(addressKind(address), 'metadata', address)
  })

  test('what is handed out to the world is public', () => {
    for (const address of [
      '8.8.8.8',
      '1.1.1.1',
      '172.15.255.255',
      '172.32.0.1',
      '100.63.255.255',
      '2606:4700:4700::1111',
      '2a00:1450:4001::5',
    ])
      assert.equal(addressKind(address), 'public', address)
  })
})

suite('safeFetch', () => {
  test('an inside host is refused in every spelling, and nothing reaches it', async () => {
    let reached = 0
    const port = await stranger((_request, response) => {
      reached++
      response.end('secret')
    })
    for (const host of [
      '127.0.0.1',
      'localhost',
      '2130706433',
      '0x7f.1',
      '0177.0.0.1',
      '127.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '0.0.0.0',
      '①②⑦.⓪.⓪.①',
    ])
      await assert.rejects(safeFetch(nowhere, `http://${host}:${port}/`), AddressRefused.is, host)
    assert.equal(reached, 0)
  })

  test('what is no web address is refused with its field', async () => {
    for (const url of [
      '',
      'example.com',
      'file:///etc/passwd',
      'gopher://example.com/',
      'ftp://example.com/',
      'https://user:pass@example.com/',
    ])
      await assert.rejects(safeFetch(nowhere, url), (error) => UrlInvalid.is(error) && error.field === 'url', url)
    await assert.rejects(
      safeFetch(nowhere, 'http://example.com/', { headers: { 'x-a': 'b\r\nhost: c' }, resolve: at('8.8.8.8') }),
      UrlInvalid.is,
    )
  })

  test('a name that has an inside address among public ones is refused', async () => {
    await assert.rejects(safeFetch(nowhere, 'http://rebind.example/', { resolve: at('93.184.216.34', '127.0.0.1') }), AddressRefused.is)
    await assert.rejects(safeFetch(nowhere, 'http://empty.example/', { resolve: at() }), AddressRefused.is)
  })

  test('a name is resolved once, and the connection goes to the address that was checked', async () => {
    let seenHost: string | undefined
    const port = await stranger((request, response) => {
      seenHost = request.headers.host
      response.end('here')
    })
    let asked = 0
    const resolve: FetchOptions['resolve'] = async () => {
      asked++
      // The first answer is harmless; a second look-up would be led elsewhere.
      return [{ address: asked === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]
    }
    const answer = await safeFetch(siteWith('partner.example'), `http://partner.example:${port}/`, { resolve })
    assert.deepEqual(
      [answer.status, textOf(answer.body), answer.address, asked, seenHost],
      [200, 'here', '127.0.0.1', 1, `partner.example:${port}`],
    )
  })

  test('an allowed name may be inside, on the port that is listed, but never at the metadata of a cloud', async () => {
    const port = await stranger((_request, response) => response.end('ok'))
    const url = `http://127.0.0.1:${port}/`
    assert.equal((await safeFetch(siteWith('127.0.0.1'), url)).status, 200)
    assert.equal((await safeFetch(siteWith(`127.0.0.1:${port}`), url)).status, 200)
    await assert.rejects(safeFetch(siteWith('127.0.0.1:1'), url), AddressRefused.is)
    await assert.rejects(
      safeFetch(siteWith('partner.example'), 'http://partner.example/', { resolve: at('169.254.169.254') }),
      AddressRefused.is,
    )
  })

  test('a redirect is checked like the first address', async () => {
    const port = await stranger((request, response) => {
      const to =
        request.url === '/metadata' ? 'http://169.254.169.254/latest/' : request.url === '/file' ? 'file:///etc/passwd' : 'http://10.0.0.1/'
      response.writeHead(302, { location: to }).end()
    })
    const base = `http://127.0.0.1:${port}`
    const site = siteWith(`127.0.0.1:${port}`)
    await assert.rejects(safeFetch(site, `${base}/metadata`), AddressRefused.is)
    await assert.rejects(safeFetch(site, `${base}/inside`), AddressRefused.is)
    await assert.rejects(safeFetch(site, `${base}/file`), UrlInvalid.is)
    assert.equal((await safeFetch(site, `${base}/inside`, { redirects: 0 })).status, 302)
  })

  test('redirects end after three, and another origin gets neither credentials nor the body', async () => {
    const seen: IncomingMessage[] = []
    const other = await stranger((request, response) => {
      seen.push(request)
      response.end('other')
    })
    const port = await stranger((request, response) => {
      const to = request.url === '/loop' ? '/loop' : `http://127.0.0.1:${other}/`
      response.writeHead(request.url === '/keep' ? 307 : 302, { location: to }).end()
    })
    const site = siteWith('127.0.0.1')
    const base = `http://127.0.0.1:${port}`
    await assert.rejects(safeFetch(site, `${base}/loop`), AnswerRefused.is)
    const headers = { authorization: 'Bearer x', cookie: 'a=b', 'x-api-key': 'k', 'content-type': 'text/plain' }
    const answer = await safeFetch(site, `${base}/away`, { method: 'POST', body: 'payload', headers })
    assert.equal(textOf(answer.body), 'other')
    assert.deepEqual(
      [
        seen[0]?.method,
        seen[0]?.headers.authorization,
        seen[0]?.headers.cookie,
        seen[0]?.headers['x-api-key'],
        seen[0]?.headers['content-length'],
      ],
      ['GET', undefined, undefined, undefined, undefined],
    )
    await assert.rejects(safeFetch(site, `${base}/keep`, { method: 'POST', body: 'payload' }), AnswerRefused.is)
    assert.equal(seen.length, 1)
  })

  test('an answer that is too large, packed, or too slow is cut off', async () => {
    const port = await stranger((request, response) => {
      if (request.url === '/announced') return void response.writeHead(200, { 'content-length': '5000' }).end('x'.repeat(5000))
      if (request.url === '/endless') {
        const write = (): void => {
          if (!response.destroyed) response.write('x'.repeat(1000), () => setImmediate(write))
        }
        return write()
      }
      if (request.url === '/packed') return void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
      response.write('slow')
    })
    const site = siteWith('127.0.0.1')
    const base = `http://127.0.0.1:${port}`
    for (const path of ['/announced', '/endless', '/packed'])
      await assert.rejects(safeFetch(site, base + path, { maxBytes: 4000 }), AnswerRefused.is, path)
    await assert.rejects(safeFetch(site, `${base}/drip`, { timeoutMs: 100 }), { name: 'TimeoutError' })
    const control = new AbortController()
    const aborted = safeFetch(site, `${base}/drip`, { signal: control.signal })
    control.abort(new Error('enough'))
    await assert.rejects(aborted, /enough/)
  })

  test('over TLS the name is asked for at the address that was checked, and a certificate that does not fit is refused', async () => {
    const asked: string[] = []
    const server = createTlsServer({
      SNICallback: (name, done) => {
        asked.push(name)
        done(new Error('no certificate'))
      },
    })
    server.on('tlsClientError', () => undefined)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    after(() => server.close())
    const { port } = server.address() as AddressInfo
    await assert.rejects(safeFetch(siteWith('partner.example'), `https://partner.example:${port}/`, { resolve: at('127.0.0.1') }))
    assert.deepEqual(asked, ['partner.example'])
  })

  test('a resolver that hangs is not waited for', async () => {
    const started = performance.now()
    await assert.rejects(safeFetch(nowhere, 'http://slow.example/', { timeoutMs: 50, resolve: () => new Promise(() => undefined) }), {
      name: 'TimeoutError',
    })
    assert.ok(performance.now() - started < 2000)
  })
})
