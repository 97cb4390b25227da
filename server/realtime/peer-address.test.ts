import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { peerAddress } from './peer-address.ts'

function request(remoteAddress: string, forwarded?: string): IncomingMessage {
  return { socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } } as unknown as IncomingMessage
}

test('nobody is believed unless the server trusts proxies', () => {
  assert.equal(peerAddress(undefined)(request('203.0.113.9', '192.0.2.1')), '203.0.113.9')
  assert.equal(peerAddress(false)(request('203.0.113.9', '192.0.2.1')), '203.0.113.9')
})

test('behind trusted proxies the nearest address counts that is none of them', () => {
  const find = peerAddress(['10.0.0.0/8', '::1'])
  assert.equal(find(request('10.0.0.2', '198.51.100.7, 192.0.2.1, 10.1.1.1')), '192.0.2.1', 'the client may have made up the first')
  assert.equal(find(request('::1', '192.0.2.1')), '192.0.2.1')
  assert.equal(find(request('203.0.113.9', '192.0.2.1')), '203.0.113.9', 'came past the proxy')
  assert.equal(find(request('10.0.0.2', 'nonsense')), '10.0.0.2')
  assert.equal(find(request('10.0.0.2')), '10.0.0.2')
})

test('with every proxy trusted the farthest address counts', () => {
  assert.equal(peerAddress(true)(request('10.0.0.2', '198.51.100.7, 192.0.2.1')), '198.51.100.7')
})
