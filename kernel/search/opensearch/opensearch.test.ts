import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, suite, test } from 'node:test'
import { insert } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { list } from '#kernel/query/list.ts'
import { testOpenSearchUrl } from '#testing/services.ts'
import { type TestSite, testSite } from '#testing/site.ts'
import { search } from '../search.ts'
import { SearchUnavailable } from '../errors.ts'
import { askOpenSearch, indexName } from './connection.ts'
import { feedDocuments } from './feed.ts'
import { documentId } from './stored-document.ts'

const wire = { version: 2, zone: 'UTC' } as const
const signal = new AbortController().signal

async function makeThing(world: TestSite): Promise<void> {
  await world.make('DocType', {
    name: 'Fed Thing',
    module: 'Core',
    custom: 1,
    autoname: 'prompt',
    fields: [{ fieldname: 'body', fieldtype: 'Text', in_global_search: 1 }],
    permissions: [{ role: 'System Manager', read: 1 }],
  })
}

const find = (world: TestSite, text: string) =>
  world.as('Administrator', (ctx) => search(ctx, { text, wire, doctypes: ['Fed Thing'] })).then(({ hits }) => hits.map(({ name }) => name))

test('two sites never share an index, however alike their names are spelt', () => {
  const named = (host: string) => indexName({ host, config: { db_type: 'sqlite', encryption_key: '' } })
  assert.notEqual(named('a.b.example'), named('a-b.example'))
  assert.match(named('Ümläut.example'), /^orc-[a-z0-9-]+-v1$/)
})

suite('while OpenSearch cannot be asked', () => {
  let down: Server
  let world: TestSite
  let asked = 0
  before(async () => {
    down = createServer((request, response) => {
      asked++
      request.resume()
      response.writeHead(503).end('{}')
    })
    await new Promise<void>((done) => down.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(down.address() as AddressInfo).port}`
    world = await testSite({
      closedByCaller: true,
      config: { search: 'opensearch', opensearch_url: url, external_allow: ['127.0.0.1'] },
    })
    await makeThing(world)
  })
  after(async () => {
    await world.close()
    await new Promise((done) => down.close(done))
  })

  test('documents are saved all the same, and searching says so', async () => {
    await world.asSystem((ctx) => insert(ctx, 'Fed Thing', { name: 'F-1', body: 'unheard' }))
    assert.equal(asked, 0, 'a save waits for nobody')
    await assert.rejects(find(world, 'unheard'), (error) => SearchUnavailable.is(error) && error.status === 503)
    await assert.rejects(
      world.as('Administrator', (ctx) => list(ctx, 'Fed Thing', { search: 'unheard', wire })),
      SearchUnavailable.is,
    )
    assert.ok(asked > 0)
  })

  test('with opensearch_fallback the database answers', async () => {
    Object.assign(world.site.config, { opensearch_fallback: true })
    await world.asSystem((ctx) => insert(ctx, 'Fed Thing', { name: 'F-2', body: 'overheard' }))
    assert.deepEqual(await find(world, 'overheard'), ['F-2'])
    const { rows } = await world.as('Administrator', (ctx) => list(ctx, 'Fed Thing', { search: 'overheard', wire }))
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['F-2'],
    )
  })
})

const url = testOpenSearchUrl()

suite('feeding OpenSearch', { skip: url === undefined && 'no OpenSearch was started' }, () => {
  let world: TestSite
  before(async () => {
    const config = { search: 'opensearch', opensearch_url: url, external_allow: ['127.0.0.1'] }
    world = await testSite({ closedByCaller: true, config })
    await makeThing(world)
  })
  after(async () => {
    await fetch(`${url}/${indexName(world.site)}-1`, { method: 'DELETE' })
    await world.close()
  })
  const stored = async (name: string) => {
    const path = `/${indexName(world.site)}/_doc/${documentId('Fed Thing', name)}`
    return (await askOpenSearch(world.site, 'test', { method: 'GET', path, also: [404] })).body as {
      found: boolean
      _version: number
      _source: { b0: string }
    }
  }

  test('what comes late or twice never takes the place of what is newer', async () => {
    await world.asSystem((ctx) => insert(ctx, 'Fed Thing', { name: 'V-1', body: 'first' }))
    assert.deepEqual(await feedDocuments(world.site, 'Fed Thing', ['V-1'], signal), { sent: 1, removed: 0, late: 0 })
    const old = await stored('V-1')
    await world.asSystem((ctx) => setValue(ctx, 'Fed Thing', 'V-1', { body: 'second' }))
    await feedDocuments(world.site, 'Fed Thing', ['V-1'], signal)
    const again = await fetch(
      `${url}/${indexName(world.site)}/_doc/${documentId('Fed Thing', 'V-1')}?version=${old._version}&version_type=external`,
      { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(old._source) },
    )
    assert.equal(again.status, 409)
    assert.match((await stored('V-1'))._source.b0, /second/)
  })

  test('many who feed one document at once leave it as it is in the database', async () => {
    await world.asSystem((ctx) => insert(ctx, 'Fed Thing', { name: 'V-2', body: 'round 0' }))
    const feeds: Promise<unknown>[] = []
    for (let round = 1; round <= 8; round++) {
      await world.asSystem((ctx) => setValue(ctx, 'Fed Thing', 'V-2', { body: `round ${round}` }))
      feeds.push(feedDocuments(world.site, 'Fed Thing', ['V-2'], signal))
    }
    await Promise.all(feeds)
    assert.match((await stored('V-2'))._source.b0, /round 8/)
  })

  test('a document that is not there is taken out, and one of the same name may come back', async () => {
    await world.asSystem((ctx) => insert(ctx, 'Fed Thing', { name: 'V-3', body: 'here' }))
    await feedDocuments(world.site, 'Fed Thing', ['V-3'], signal)
    const { remove } = await import('#kernel/documents/remove.ts')
    await world.asSystem((ctx) => remove(ctx, 'Fed Thing', 'V-3'))
    assert.deepEqual(await feedDocuments(world.site, 'Fed Thing', ['V-3'], signal), { sent: 0, removed: 1, late: 0 })
    assert.equal((await stored('V-3')).found, false)
    await world.asSystem((ctx) => insert(ctx, 'Fed Thing', { name: 'V-3', body: 'back' }))
    await feedDocuments(world.site, 'Fed Thing', ['V-3'], signal)
    assert.match((await stored('V-3'))._source.b0, /back/)
  })
})
