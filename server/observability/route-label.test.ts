import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Apps } from '#kernel/apps/apps.ts'
import { routeLabel } from './route-label.ts'

const apps = { method: (path: string) => (path === 'frappe.client.get' ? {} : undefined) } as unknown as Apps
const label = (path: string): string => routeLabel(path, apps)

suite('the kind of an address', () => {
  test('names what an address leads to, and no document, file or visitor’s invention', () => {
    assert.equal(label('/api/resource/Lead'), 'v1 list')
    assert.equal(label('/api/v1/resource/Lead/L-1'), 'v1 one')
    assert.equal(label('/api/v2/document/Lead'), 'v2 document list')
    assert.equal(label('/api/v2/document/Lead/L-1/method/close'), 'v2 document one')
    assert.equal(label('/api/v2/doctype/Lead/meta'), 'v2 doctype one')
    assert.equal(label('/api/method/frappe.client.get'), 'method frappe.client.get')
    assert.equal(label('/api/v2/method/frappe.client.get'), 'method frappe.client.get')
    assert.equal(label('/api/method/made.up.by.somebody'), 'method unknown')
    assert.equal(label('/api/v2/batch'), 'v2 batch')
    assert.equal(label('/private/files/secret-name.pdf'), 'file')
    assert.equal(label('/health/ready'), 'health')
    assert.equal(label('/app/lead/L-1'), 'page')
  })

  test('whatever visitors send, there are few labels', () => {
    const found = new Set<string>()
    for (let n = 0; n < 500; n++)
      for (const start of [
        '/',
        '/api/',
        '/api/resource/',
        '/api/v2/document/',
        '/api/method/',
        '/files/',
        '/api/v2/',
        '/api/v2/constructor/',
      ])
        found.add(label(`${start}${n}/x${n}`))
    assert.ok(found.size <= 10, [...found].join(', '))
  })
})
