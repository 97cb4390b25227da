import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite, test } from 'node:test'

const root = fileURLToPath(new URL('../..', import.meta.url))
const rules = join(root, 'deploy/prometheus/alerts.yml')
const promtool = spawnSync('promtool', ['--version']).status === 0

suite('alerts', () => {
  test('rest on figures that the code keeps', () => {
    const sources = globSync('{kernel,server,apps}/**/*.ts', { cwd: root }).filter((file) => !file.includes('.test.'))
    const kept = new Set(sources.flatMap((file) => readFileSync(join(root, file), 'utf8').match(/'px_[a-z0-9_]+'/g) ?? []))
    const named = new Set(readFileSync(rules, 'utf8').match(/px_[a-z0-9_]+/g))
    assert.ok(named.size > 15)
    const missing = [...named].filter((name) => !kept.has(`'${name}'`) && !kept.has(`'${name.replace(/_(bucket|count|sum)$/, '')}'`))
    assert.deepEqual(missing, [])
  })

  test('every rule has a case below, too short and above', () => {
    const cases = readFileSync(join(root, 'deploy/prometheus/alerts.test.yml'), 'utf8')
    for (const [, name] of readFileSync(rules, 'utf8').matchAll(/alert: (\w+)/g))
      for (const kind of ['above', 'below']) assert.ok(cases.includes(`name: ${name}, ${kind}`), `${name}, ${kind}`)
  })

  // Debian's package prometheus has it; the rules are data for another program, and only that program can say what they do.
  test('fire when and only when they should', { skip: promtool ? false : 'promtool is not installed' }, () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', join(root, 'deploy/prometheus/alerts.test.yml')])
    assert.equal(status, 0, `${stdout}${stderr}`)
  })
})
