import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { defineError } from '#client/rules/errors.ts'
import { ScriptFailed, ScriptOutOfMemory, ScriptTimedOut } from './errors.ts'
import { runSandboxed } from './sandbox.ts'

const Denied = defineError<{ field: string }>({ code: 'test/denied', status: 403, excType: 'PermissionError', message: () => 'No.' })

test('a script computes with what it was given and returns JSON', async () => {
  assert.deepEqual(await runSandboxed('return { sum: row.a + row.b, list: [1, null, "ä"] }', { globals: { row: { a: 2, b: 3 } } }), {
    sum: 5,
    list: [1, null, 'ä'],
  })
})

test('a script awaits what its host looks up, several at once', async () => {
  const functions = {
    'db.get': async (key: unknown) => {
      await pause(20)
      return `value of ${key}`
    },
  }
  const started = performance.now()
  const got = await runSandboxed('return Promise.all(["a", "b", "c"].map((key) => db.get(key)))', { functions })
  assert.deepEqual(got, ['value of a', 'value of b', 'value of c'])
  assert.ok(performance.now() - started < 1000)
})

test('what a host function throws passes through a script as it is, and can be caught inside', async () => {
  const functions = {
    read: () => {
      throw new Denied({ field: 'salary' })
    },
  }
  await assert.rejects(runSandboxed('await read()', { functions }), (error) => Denied.is(error) && error.field === 'salary')
  assert.equal(await runSandboxed('try { await read() } catch (error) { return error.message }', { functions }), 'No.')
})

test('errors name the script and the line', async () => {
  const failure = (line: number, reason: RegExp) => (error: unknown) =>
    ScriptFailed.is(error) && error.data.script === 'totals' && error.data.line === line && reason.test(error.message)
  await assert.rejects(runSandboxed('\n\nnull.x', { name: 'totals' }), failure(3, /null/))
  await assert.rejects(runSandboxed('const a = 1\nlet = ;', { name: 'totals' }), failure(2, /SyntaxError/))
  await assert.rejects(runSandboxed('x = 1', { name: 'totals' }), failure(1, /x/))
})

test('a forgotten await is told, whether the value is used or not', async () => {
  const functions = { save: () => 1 }
  await assert.rejects(runSandboxed('\nsave()\nreturn 1', { functions }), /line 2.*"await" is missing before save/)
  await assert.rejects(runSandboxed('return save().total', { functions }), /write "await save\(…\)" before using its total/)
})

test('endless loops of every kind end by the clock, while the process goes on', { timeout: 20_000 }, async () => {
  const endless = [
    'for (;;) {}',
    'const again = () => Promise.resolve().then(again); await again()',
    'const f = async () => { for (;;) await null }; await f()',
    'try { for (;;) {} } catch { return 1 } finally { for (;;) {} }',
    '[3, 1, 2].sort(() => { for (;;) {} })',
    'return /^(a+)+$/.test("a".repeat(50) + "b")',
    'throw { get message() { for (;;) {} } }',
    'return new Array(2e5).fill(0).map((_, i) => "k" + ((i * 7919) % 300007)).sort().length',
    'return { toJSON() { for (;;) {} } }',
    'return new Proxy({}, { ownKeys() { for (;;) {} } })',
  ]
  let ticks = 0
  const beat = setInterval(() => ticks++, 5)
  for (const source of endless) await assert.rejects(runSandboxed(source, { timeoutMs: 60 }), ScriptTimedOut.is, source)
  clearInterval(beat)
  assert.ok(ticks > endless.length * 3, `${ticks} ticks: scripts held the process up`)
})

test('a script that waits for nothing ends, and one that waits too long', async () => {
  await assert.rejects(runSandboxed('await new Promise(() => {})'), /never comes/)
  const functions = { slow: () => pause(5000, undefined, { ref: false }) }
  await assert.rejects(runSandboxed('await slow()', { functions, wallMs: 50 }), ScriptTimedOut.is)
})

test('memory is bounded, whatever takes it', { timeout: 20_000 }, async () => {
  const greedy = [
    'return "x".repeat(1e9)',
    'return new Array(1e9).fill(0)',
    'return new Uint8Array(1e9).length',
    'const all = []; for (;;) all.push(new Uint8Array(1e6))',
    'return JSON.parse("[".repeat(1e6))',
  ]
  for (const source of greedy) await assert.rejects(runSandboxed(source, { timeoutMs: 2000 }), ScriptOutOfMemory.is, source)
  assert.equal(await runSandboxed('const f = () => f(); try { f() } catch (error) { return error.message }'), 'stack overflow')
  assert.equal(await runSandboxed('return "still here"'), 'still here')
})

test('nothing of the host is in reach', async () => {
  const names = [
    'process',
    'require',
    'module',
    'fetch',
    'Buffer',
    'WebAssembly',
    'setTimeout',
    'console',
    'navigator',
    'send',
    'bridge',
    'kit',
    'std',
    'os',
  ]
  assert.deepEqual(
    await runSandboxed(`return [${names.map((name) => `typeof ${name}`).join(',')}]`),
    names.map(() => 'undefined'),
  )
  const escapes = [
    'return [].constructor.constructor("return typeof process")()',
    'return (function () {}).constructor("return typeof globalThis.process")()',
    'return Object.getPrototypeOf(async () => {}).constructor("return typeof process")()',
    'return (await look.constructor("return typeof process")())',
    'try { await look() } catch (error) { return error.constructor.constructor("return typeof process")() }',
  ]
  const functions = {
    look: () => {
      throw new Error('no')
    },
  }
  for (const source of escapes) assert.equal(await runSandboxed(source, { functions }), 'undefined', source)
  await assert.rejects(runSandboxed('const fs = await import("node:fs"); return fs'), ScriptFailed.is)
  assert.equal(await runSandboxed('return new Date(0).getTimezoneOffset()'), 0)
})

test('functions, prototypes and tampered languages do not cross', async () => {
  let got: unknown
  const functions = {
    take: (value: unknown) => {
      got = value
    },
  }
  await runSandboxed('await take({ f() {}, ["__proto__"]: { admin: true }, n: 1, toString: () => 1 })', { functions })
  assert.deepEqual(Object.keys(got as object), ['__proto__', 'n'])
  assert.equal((got as { admin?: boolean }).admin, undefined)
  assert.equal(({} as { admin?: boolean }).admin, undefined)
  await runSandboxed('JSON.stringify = () => "[{\\"forged\\":1}]"; Map.prototype.get = () => ({ resolve() {} }); await take(1)', {
    functions,
    wallMs: 200,
  }).catch(() => undefined)
  assert.equal(got, 1)
  await assert.rejects(runSandboxed('const o = {}; o.o = o; await take(o)', { functions }), ScriptFailed.is)
  await assert.rejects(runSandboxed('await take("x".repeat(5e6))', { functions }), /characters/)
})

test('each run begins anew', async () => {
  await runSandboxed('globalThis.kept = 1; Array.prototype.map = () => "spoilt"; return 1')
  assert.deepEqual(await runSandboxed('return [typeof kept, [1].map((x) => x + 1)]'), ['undefined', [2]])
})

test('a flood of calls is refused', async () => {
  await assert.rejects(runSandboxed('for (;;) await f()', { functions: { f: () => 1 }, timeoutMs: 10_000 }), /more than 10000 calls/)
})

test('memory does not grow with the number of runs', { timeout: 60_000 }, async () => {
  const some = async (count: number) => {
    for (let done = 0; done < count; done += 10)
      await Promise.all(
        Array.from({ length: 10 }, () => runSandboxed('return await twice("x".repeat(1000))', { functions: { twice: (x) => `${x}${x}` } })),
      )
  }
  await some(200)
  const before = process.memoryUsage().rss
  await some(Number(process.env.SCRIPT_RUNS ?? 600))
  const grown = (process.memoryUsage().rss - before) / 1e6
  assert.ok(grown < 60, `grew by ${grown} MB`)
})
