import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, suite, test } from 'node:test'
import { Apps } from './apps.ts'
import { AppInvalid, AppMissing } from './errors.ts'
import { loadApps } from './load.ts'

const folders: string[] = []
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

/** A folder of apps; each is given as the text of the object in app.ts, and further files by path. */
async function folderOf(apps: Record<string, string | { app: string; files: Record<string, string> }>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'orc-apps-'))
  folders.push(folder)
  for (const [name, given] of Object.entries(apps)) {
    const { app, files } = typeof given === 'string' ? { app: given, files: {} } : given
    for (const [path, text] of Object.entries({
      'app.ts': `export default { name: '${name}', title: '${name}', version: '1', ...${app} }`,
      ...files,
    })) {
      await mkdir(dirname(join(folder, name, path)), { recursive: true })
      await writeFile(join(folder, name, path), text)
    }
  }
  return folder
}

const names = async (apps: Parameters<typeof folderOf>[0]): Promise<string[]> =>
  (await loadApps([await folderOf(apps)])).map((app) => app.name)
const doctype = (name: string): Record<string, string> => ({
  [`doctypes/${name.toLowerCase()}/${name.toLowerCase()}.json`]: JSON.stringify({
    doctype: 'DocType',
    name,
    module: 'M',
    fields: [{ fieldname: 'title', fieldtype: 'Data' }],
  }),
})

/** Asserts that the apps do not load, and that the message says why. */
async function refuses(apps: Parameters<typeof folderOf>[0], error: typeof AppInvalid | typeof AppMissing, why: RegExp): Promise<void> {
  await assert.rejects(
    async () => new Apps(await loadApps([await folderOf(apps)])),
    (thrown: unknown) => {
      assert.ok(error.is(thrown), String(thrown))
      assert.match(thrown.message, why)
      return true
    },
  )
}

suite('loading apps', () => {
  test('whoever is required comes first, core before all, the rest by name', async () => {
    assert.deepEqual(await names({ zeta: '{}', alpha: `{ requires: ['zeta'] }`, core: '{}', beta: '{}' }), [
      'core',
      'zeta',
      'alpha',
      'beta',
    ])
  })

  test('a missing requirement is named together with who needs it', async () => {
    await refuses({ core: '{}', crm: `{ requires: ['billing'] }` }, AppMissing, /"billing" is missing; crm needs it/)
  })

  test('apps that require each other are refused with the ring', async () => {
    await refuses({ core: '{}', a: `{ requires: ['b'] }`, b: `{ requires: ['c'] }`, c: `{ requires: ['a'] }` }, AppInvalid, /a → b → c → a/)
  })

  test('one DocType, method, document method or name cannot come twice', async () => {
    await refuses(
      { core: '{}', a: { app: '{}', files: doctype('Thing') }, b: { app: '{}', files: doctype('Thing') } },
      AppInvalid,
      /DocType Thing already belongs to a/,
    )
    const method = `{ methods: [{ path: 'x.y', rule: { kind: 'guest' } }] }`
    await refuses({ core: '{}', a: method, b: method }, AppInvalid, /x\.y is declared twice/)
    const verb = `{ documentMethods: [{ doctype: 'Thing', verb: 'go', needs: 'write' }] }`
    await refuses({ core: '{}', a: verb, b: verb }, AppInvalid, /Thing\/go is declared twice/)
    await refuses({ core: '{}', a: '{}', b: `{ name: 'a' }` }, AppInvalid, /same name/)
  })

  test('a method without a rule, or a document method without a right, cannot be registered', async () => {
    await refuses({ core: '{}', a: `{ methods: [{ path: 'x.y' }] }` }, AppInvalid, /x\.y declares no rule/)
    await refuses({ core: '{}', a: `{ documentMethods: [{ doctype: 'T', verb: 'go' }] }` }, AppInvalid, /go declares no right/)
  })

  test('what nobody would ever call is refused: unknown events, jobs, extended DocTypes, patch ids', async () => {
    await refuses({ core: '{}', a: `{ events: { Thing: { onUpdate() {} } } }` }, AppInvalid, /"onUpdate" of Thing, which is no event/)
    await refuses({ core: '{}', a: `{ jobs: {}, schedules: [{ every: 'daily', job: 'sweep' }] }` }, AppInvalid, /names the job "sweep"/)
    await refuses({ core: '{}', a: `{ extends: { Thing: class {} } }` }, AppInvalid, /extends DocType Thing, which no app brings/)
    await refuses(
      { core: '{}', a: { app: '{}', files: doctype('Thing') }, b: `{ extends: { Thing: class {} } }` },
      AppInvalid,
      /without requiring that app/,
    )
    await refuses(
      { core: '{}', a: `{ patches: [{ id: 'p', when: 'after-sync' }, { id: 'p', when: 'after-sync' }] }` },
      AppInvalid,
      /patch id "p"/,
    )
    assert.deepEqual(
      await names({
        core: '{}',
        a: { app: '{}', files: doctype('Thing') },
        b: `{ requires: ['a'] }`,
        c: `{ requires: ['b'], extends: { Thing: class {} } }`,
      }),
      ['core', 'a', 'b', 'c'],
    )
  })

  test('files that cannot be read are named', async () => {
    await refuses(
      { core: '{}', a: { app: '{}', files: { 'doctypes/thing/thing.json': '{ not json' } } },
      AppInvalid,
      /thing\.json cannot be read/,
    )
    await refuses(
      { core: '{}', a: { app: '{}', files: { ...doctype('Thing'), 'doctypes/thing/thing.ts': 'throw new Error("broken module")' } } },
      AppInvalid,
      /thing\.ts cannot be read: broken module/,
    )
    await assert.rejects(names({ core: '{}', a: { app: '{}', files: { 'doctypes/thing/thing.json': '{"doctype":"DocType"}' } } }), {
      code: 'meta/definition-malformed',
    })
    await refuses({ core: '{}', a: { app: '{}', files: { 'app.ts': 'export const nothing = 1' } } }, AppInvalid, /no default export/)
    await refuses({ core: '{}', a: `{ name: 'Not A Name' }` }, AppInvalid, /lower case/)
  })

  test('folders without app.ts, and folders that are not there, are passed over', async () => {
    const folder = await folderOf({ core: '{}' })
    await mkdir(join(folder, 'notes'))
    assert.deepEqual(
      (await loadApps([join(folder, 'nowhere'), folder])).map((app) => app.name),
      ['core'],
    )
  })
})

suite('a set of apps', () => {
  test('listeners come as controller, extensions in load order, then the apps’ listeners, those for all DocTypes last', async () => {
    const said: string[] = []
    const saying = (who: string) => ({ validate: () => void said.push(who) })
    class Original {
      validate(): void {
        said.push('controller')
      }
    }
    class First {
      validate(): void {
        said.push('first extension')
      }
    }
    class Second {
      validate(): void {
        said.push('second extension')
      }
    }
    const app = (name: string, more: object) => ({
      name,
      title: name,
      version: '1',
      folder: '',
      doctypes: [],
      controllers: new Map(),
      ...more,
    })
    const apps = new Apps([
      app('a', { doctypes: [{ name: 'Thing' }], controllers: new Map([['Thing', Original]]), events: { '*': saying('a for all') } }),
      app('b', { extends: { Thing: First }, events: { Thing: saying('b'), Other: saying('other') } }),
      app('c', { extends: { Thing: Second }, events: { Thing: saying('c') } }),
    ] as never)
    for (const listener of apps.listeners('Thing', 'validate')) await listener({} as never, {} as never)
    assert.deepEqual(said, ['controller', 'first extension', 'second extension', 'b', 'c', 'a for all'])
  })

  test('an extension adds methods and getters to the documents, and its hooks replace none', () => {
    class Original {
      greet(): string {
        return 'hello'
      }
      validate(): void {}
    }
    class Extension {
      shout(): string {
        return 'HELLO'
      }
      get loud(): boolean {
        return true
      }
      validate(): void {}
    }
    const apps = new Apps([
      {
        name: 'a',
        title: '',
        version: '1',
        folder: '',
        doctypes: [{ name: 'Thing' } as never],
        controllers: new Map([['Thing', Original]]),
        extends: { Thing: Extension },
      },
    ])
    const document = Object.create(apps.prototype('Thing')) as Original & Extension
    assert.deepEqual(
      [document.greet(), document.shout(), document.loud, document.validate === Original.prototype.validate],
      ['hello', 'HELLO', true, true],
    )
    assert.equal(apps.listeners('Thing', 'validate').length, 2)
  })

  test('the subset of a site holds nothing of other apps', () => {
    const listener = { Thing: { validate: () => undefined } }
    const app = (name: string, more: object = {}) => ({
      name,
      title: name,
      version: '1',
      folder: '',
      doctypes: [],
      controllers: new Map(),
      ...more,
    })
    const all = new Apps([
      app('a', { doctypes: [{ name: 'Thing' }] }),
      app('b', { events: listener, methods: [{ path: 'x', rule: { kind: 'guest' } }], permissions: { Thing: {} }, scopes: ['Tenant'] }),
    ] as never)
    const some = all.only(['a'])
    assert.deepEqual(
      [some.has('b'), some.listeners('Thing', 'validate').length, some.method('x'), some.permissionHooks('Thing').length, some.scopes.size],
      [false, 0, undefined, 0, 0],
    )
  })

  test('an app may be divided into parts, each with DocTypes of its own, all of which listen', async () => {
    const parts = `{ events: { Lead: { on_update: one } }, parts: [
      { events: { Lead: { on_update: two } }, jobs: { sweep: { run } }, schedules: [{ every: 'daily', job: 'sweep' }] },
      { methods: [{ path: 'sales.ping', rule: { kind: 'guest' } }] }] }`
    const [sales] = await loadApps([
      await folderOf({ core: '{}', sales: { app: '{}', files: { 'app.ts': appText(parts), ...inArea('leads', 'Lead') } } }),
    ]).then((apps) => apps.filter((app) => app.name === 'sales'))
    assert.ok(sales)
    assert.deepEqual(
      sales.doctypes.map((definition) => definition.name),
      ['Lead'],
    )
    assert.deepEqual(Object.keys(sales.jobs ?? {}), ['sweep'])
    const apps = new Apps([sales])
    assert.equal(apps.listeners('Lead', 'on_update').length, 2)
    assert.ok(apps.method('sales.ping'))
  })

  test('a webhook needs a job that says why it runs elevated, and a name and a method of its own', async () => {
    const app = (name: string, job = `{ asSystem: 'verified', run() {} }`) =>
      `{ jobs: { take: ${job} }, webhooks: [{ name: '${name}', method: 'm.${name[0]}', verify() {}, job: 'take' }] }`
    assert.deepEqual(await names({ core: '{}', a: app('sender'), b: app('other') }), ['core', 'a', 'b'])
    await refuses({ core: '{}', a: app('sender', '{ run() {} }') }, AppInvalid, /why it runs elevated/)
    await refuses({ core: '{}', a: `{ webhooks: [{ name: 'sender', verify() {}, job: 'gone' }] }` }, AppInvalid, /which it does not have/)
    await refuses({ core: '{}', a: app('sender'), b: app('sender') }, AppInvalid, /declared twice/)
    await refuses({ core: '{}', a: app('sender'), b: app('second') }, AppInvalid, /declared twice/)
  })

  test('two parts may not name one job', async () => {
    const app = appText(`{ jobs: { sweep: { run } }, parts: [{ jobs: { sweep: { run } } }] }`)
    await refuses({ core: '{}', sales: { app: '{}', files: { 'app.ts': app } } }, AppInvalid, /job "sweep" is declared twice/)
  })
})

/** The text of an app.ts named `sales` that adds this object to what every app has; `one`, `two` and `run` are functions in it. */
const appText = (object: string): string =>
  `const [one, two, run] = [() => {}, () => {}, () => {}]; export default { name: 'sales', title: 'Sales', version: '1', ...${object} }`

/** The files of a DocType in an area's folder. */
const inArea = (area: string, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(doctype(name)).map(([path, text]) => [`${area}/${path}`, text]))
