import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { SqlValue } from '#kernel/database/database.ts'
import { testApps } from '#testing/documents-world.ts'
import { testSite } from '#testing/site.ts'

const script = join(import.meta.dirname, '../../testing/kill/write-documents.ts')
const apps = join(import.meta.dirname, '../../apps')

/** Lets a process write until it has acknowledged that much, and kills it. @returns the names it acknowledged, by what happened to them */
async function writeAndKill(
  sitesFolder: string,
  host: string,
  acknowledgements: number,
): Promise<{ inserted: Set<string>; submitted: Set<string> }> {
  const said = { inserted: new Set<string>(), submitted: new Set<string>() }
  const child = spawn(process.execPath, [script, sitesFolder, host, apps, testApps], { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'exit')
  let left = acknowledgements
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, name = ''] = line.split(' ') as ['inserted' | 'submitted', string]
    said[what].add(name)
    // What comes after this line was acknowledged as well, and is read before the end of the stream.
    if (--left === 0) child.kill('SIGKILL')
  }
  await gone
  assert.equal(child.signalCode, 'SIGKILL')
  return said
}

test('a killed process leaves no half document and loses none that it acknowledged', async () => {
  const { runtime, site } = await testSite({ apps: ['lifecycle'], appFolders: [testApps] })
  const inserted = new Set<string>()
  const submitted = new Set<string>()
  for (const acknowledgements of [1, 40]) {
    const said = await writeAndKill(runtime.sitesFolder, site.host, acknowledgements)
    for (const name of said.inserted) inserted.add(name)
    for (const name of said.submitted) submitted.add(name)
    const read = <R = Record<string, SqlValue>>(sql: string) => site.database.query<R>({ sql, parameters: [] })
    const documents = await read<{ name: string; title: string; docstatus: number }>(
      'select name, title, docstatus from tabRite order by name',
    )
    const states = new Map(documents.map((one) => [one.name, one.docstatus]))
    for (const name of inserted) assert.ok(states.has(name), `${name} was acknowledged and is not there`)
    for (const name of submitted) assert.equal(states.get(name), 1, `${name} was acknowledged as submitted`)
    const rows = Map.groupBy(
      await read<{ parent: string; docstatus: number; qty: number }>('select parent, docstatus, qty from "tabRite Row"'),
      (row) => row.parent,
    )
    const audited = Map.groupBy(
      await read<{ docname: string; action: string }>(`select docname, action from "tabAudit Entry" where ref_doctype = 'Rite'`),
      (entry) => entry.docname,
    )
    for (const { name, title, docstatus } of documents) {
      const own = rows.get(name) ?? []
      assert.equal(own.length, Number(title), `rows of ${name}`)
      assert.ok(
        own.every((row) => row.docstatus === docstatus && row.qty === own.length),
        `rows of ${name} are in its state`,
      )
      assert.deepEqual(
        audited.get(name)?.map(({ action }) => action),
        docstatus === 1 ? ['insert', 'submit'] : ['insert'],
        `audit of ${name}`,
      )
    }
    assert.equal(rows.size, documents.length, 'no row without its document')
    assert.deepEqual(
      documents.map(({ name }) => name),
      documents.map((_, index) => `RITE-${String(index + 1).padStart(5, '0')}`),
      'numbers without gaps',
    )
  }
})
