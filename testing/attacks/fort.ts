import assert from 'node:assert/strict'
import { ident, type Sql, sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { createKey } from '#kernel/identity/api-keys.ts'
import { type CallAnswer, type TestServer, testServer } from '#testing/server.ts'
import type { TestSiteOptions } from '#testing/site.ts'
import { fortDocTypes, fortRoles } from './definitions.ts'

/** Marks of data that only some may see. They stand in stored values and names; nobody else's answer may hold them. */
export const marks = {
  /** Anything of the other organisation. */
  other: 'CANARY-B',
  /** Values of fields at level 1. */
  level: 'CANARY-LEVEL',
  /** Values behind a mask. */
  mask: 'CANARY-MASK',
  /** What only chiefs see. */
  vault: 'CANARY-VAULT',
  /** Somebody else's diary. */
  diary: 'CANARY-DIARY',
  /** Values of Password fields; nobody sees them. */
  password: 'CANARY-PASSWORD',
} as const

type Mark = keyof typeof marks

/** Somebody who asks, and what no answer to them may hold. */
export interface Person {
  readonly user: string
  readonly authorization: string
  readonly forbidden: readonly string[]
}

export type PersonName = 'admin' | 'manager' | 'ann' | 'chief' | 'bob' | 'rita' | 'pia' | 'mal' | 'guest'

export interface AskOptions {
  body?: unknown
  headers?: Record<string, string>
}

/** A site full of walls behind a real server. */
export interface Fort extends TestServer {
  readonly people: Readonly<Record<PersonName, Person>>
  /** One request. The answer is examined for whatever no answer may be or hold: failures of the server, insides, others' data. */
  ask(who: PersonName, verb: string, path: string, options?: AskOptions): Promise<CallAnswer>
  /** As `ask`, and the answer must be a refusal in JSON with a type. */
  refused(who: PersonName, verb: string, path: string, options?: AskOptions): Promise<CallAnswer>
  /** Calls a method with POST. */
  method(who: PersonName, path: string, body?: Record<string, unknown>): Promise<CallAnswer>
  /** Everything that is stored in the fortress's own tables and about its people, a line for each row, to see that nothing was written. */
  stored(): Promise<string[]>
  /** Runs attacks and sees that they stored nothing. */
  writesNothing(attacks: () => Promise<unknown>): Promise<void>
}

/** The organisation of ann, chief, rita and pia. */
export const ours = 'Org A'
/** The organisation of bob. */
export const theirs = `${marks.other}-org`

const members: readonly [name: PersonName, roles: readonly string[], organization: string | undefined, hidden: readonly Mark[]][] = [
  ['manager', ['System Manager'], undefined, ['password']],
  ['ann', ['Fort Clerk'], ours, ['other', 'level', 'mask', 'vault', 'diary', 'password']],
  ['chief', ['Fort Clerk', 'Fort Chief'], ours, ['other', 'diary', 'password']],
  ['bob', ['Fort Clerk', 'Fort Chief'], theirs, ['password']],
  ['rita', ['Fort Reader'], ours, ['other', 'level', 'mask', 'vault', 'diary', 'password']],
  ['pia', ['Fort Picker'], ours, ['other', 'level', 'mask', 'vault', 'diary', 'password']],
  ['mal', [], undefined, ['other', 'level', 'mask', 'vault', 'diary', 'password']],
]

export async function openFort(options: TestSiteOptions = {}): Promise<Fort> {
  const server = await testServer(options)
  const every = Object.values(marks)
  const people: Partial<Record<PersonName, Person>> = {
    admin: { user: 'Administrator', authorization: server.authorization, forbidden: [marks.password] },
    guest: { user: 'Guest', authorization: '', forbidden: every },
  }
  await server.asSystem(async (ctx) => {
    for (const role_name of fortRoles) await insert(ctx, 'Role', { role_name, desk_access: 1 })
    for (const organization_name of [ours, theirs]) await insert(ctx, 'Organization', { organization_name })
  })
  for (const definition of fortDocTypes) await server.make('DocType', { module: 'Custom', custom: 1, ...definition })
  for (const [name, roles, organization, hidden] of members) {
    const user = await server.user(`${name}@example.com`, roles)
    if (organization) await server.make('User Permission', { user, allow: 'Organization', for_value: organization, is_default: 1 })
    const { api_key, api_secret } = await server.asSystem((ctx) => createKey(ctx, user, { label: 'attack' }))
    people[name] = { user, authorization: `token ${api_key}:${api_secret}`, forbidden: hidden.map((mark) => marks[mark]) }
  }
  await furnish(server)
  return withAttacks(server, people as Record<PersonName, Person>)
}

async function furnish({ asSystem }: TestServer): Promise<void> {
  await asSystem(async (ctx) => {
    const sides = [
      { organization: ours, tag: 'A' },
      { organization: theirs, tag: marks.other },
    ]
    for (const { organization, tag } of sides) {
      await insert(ctx, 'Fort Region', { name: `${tag}-region`, organization, is_group: 1, remark: `remark ${tag}` })
      await insert(ctx, 'Fort Region', { name: `${tag}-town`, organization, parent_fort_region: `${tag}-region`, remark: `remark ${tag}` })
      await insert(ctx, 'Fort Client', {
        name: `${tag}-client`,
        organization,
        client_name: `name ${tag}`,
        phone: `${marks.mask}-${tag}`,
        secret_code: `${marks.level}-${tag}`,
      })
      for (const number of [1, 2, 3])
        await insert(ctx, 'Fort Ticket', {
          name: `${tag}-ticket-${number}`,
          organization,
          subject: `subject ${tag} ${number}`,
          client: `${tag}-client`,
          amount: number * 10,
          salary: `${marks.level}-${tag}-${number}`,
          card: `${marks.mask}-${tag}-${number}`,
          region: `${tag}-town`,
          code: `${tag}-code-${number}`,
          portal_password: `${marks.password}-${tag}`,
          lines: [
            { note: `line ${tag} ${number}`, qty: number, hidden_cost: `${marks.level}-line-${tag}-${number}`, client: `${tag}-client` },
          ],
        })
    }
    await insert(ctx, 'Fort Diary', { name: 'admins-diary', text: marks.diary })
    await insert(ctx, 'Fort Plain', { name: 'plain-1', label: 'for all', hidden: marks.level })
    await insert(ctx, 'Fort Vault', { name: 'vault-1', jewel: marks.vault })
    await insert(ctx, 'Fort Board', { motto: 'onward', hidden_motto: marks.level, board_key: marks.password })
  })
}

/** Words that only the inside of the server uses. */
const insides =
  /\bat (?:async )?[\w.<>]+ \(|node:internal|\.ts:\d+|SQLITE_|sqlite|\bpg_|\bER_[A-Z_]{3}|syntax error at|[Ss]elect .{1,80} from ["`]|\$argon2|encryption_key|\/sites\/|\/home\/|\/tmp\//

/** Sees that an answer is what every answer must be. */
export function examine(
  answer: CallAnswer,
  person: Pick<Person, 'forbidden'>,
  request: { verb: string; path: string; body?: unknown },
): void {
  const sent = `${request.path} ${decodeURIComponentSafely(request.path)} ${typeof request.body === 'string' ? request.body : JSON.stringify(request.body ?? '')}`
  const told = `${request.verb} ${request.path.slice(0, 300)} ${sent.length < 2000 ? sent : ''} -> ${answer.status} ${answer.text.slice(0, 1500)}`
  assert.ok(answer.status < 500, `the server failed: ${told}`)
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', told)
  if (answer.status >= 400) assertRefusal(answer, told)
  for (const mark of person.forbidden) {
    if (sent.includes(mark)) continue
    assert.ok(!answer.text.includes(mark), `${mark} leaked: ${told}`)
    for (const [name, value] of answer.headers) assert.ok(!value.includes(mark), `${mark} leaked in ${name}: ${told}`)
  }
  const inside = insides.exec(answer.status >= 400 ? answer.text : '')
  assert.ok(!inside || sent.includes(inside[0]), `insides shown (${inside?.[0]}): ${told}`)
}

function assertRefusal({ json, headers }: CallAnswer, told: string): void {
  assert.match(headers.get('content-type') ?? '', /^application\/(problem\+)?json/, told)
  assert.match(headers.get('cache-control') ?? '', /no-store/, told)
  const type = json?.exc_type ?? json?.errors?.[0]?.type ?? json?.code
  assert.ok(typeof type === 'string' && type !== '', `no type of error: ${told}`)
}

/** Tries every case before it complains, so that one hole does not hide the next. */
export async function everyCase<T>(cases: Iterable<T>, attack: (one: T) => Promise<unknown>): Promise<void> {
  const found: string[] = []
  for (const one of cases) {
    try {
      await attack(one)
    } catch (error) {
      found.push((error as Error).message.slice(0, 1200))
    }
  }
  assert.equal(found.length, 0, `${found.length} cases:\n${found.slice(0, 25).join('\n')}`)
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return ''
  }
}

/** Where the identity notes on its own what was used when, only the columns that a caller could have meant. */
const ownColumns: Readonly<Record<string, Sql>> = {
  User: sql.raw('name, enabled, email, user_type, full_name, role_profile_name, owner, modified'),
  'User API Key': sql.raw('name'),
}

function withAttacks(server: TestServer, people: Record<PersonName, Person>): Fort {
  const ask: Fort['ask'] = async (who, verb, path, options = {}) => {
    const person = people[who]
    const answer = await server.call(verb, path, { ...options, as: person.authorization })
    examine(answer, person, { verb, path, body: options.body })
    assert.notEqual(answer.status, 429, 'a refusal for haste proves nothing')
    return answer
  }
  const refused: Fort['refused'] = async (who, verb, path, options) => {
    const answer = await ask(who, verb, path, options)
    assert.ok(
      answer.status >= 400,
      `let in: ${who} ${verb} ${path} ${JSON.stringify(options?.body ?? '').slice(0, 500)} -> ${answer.status} ${answer.text.slice(0, 800)}`,
    )
    return answer
  }
  const stored = async (): Promise<string[]> => {
    const tables = [
      ...fortDocTypes.filter((one) => !one.issingle).map((one) => one.name),
      'User',
      'Has Role',
      'User Permission',
      'DocShare',
      'User API Key',
      'Role',
      'Role Profile',
      'Property Setter',
      'Custom Field',
      'Custom DocPerm',
      'DocType',
      'DocField',
      'DocPerm',
      'Organization',
      'Comment',
      'File',
      'Tag',
      'Tag Link',
      'ToDo',
      'Version',
      'Deleted Document',
    ]
    return server.asSystem(async (ctx) => {
      const read = (statement: Sql) => ctx.db.query(ctx.db.dialect.compile(statement))
      const lines: string[] = []
      const add = (table: string, rows: readonly unknown[]) => {
        for (const row of rows)
          lines.push(`${table} ${JSON.stringify(row, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}`)
      }
      for (const table of tables) {
        const columns = ownColumns[table] ?? sql.raw('*')
        add(table, await read(sql`select ${columns} from ${ident(`tab${table}`)} order by name`))
      }
      add('Singles', await read(sql`select * from ${ident('tabSingles')} order by doctype, field`))
      return lines
    })
  }
  return {
    ...server,
    people,
    ask,
    refused,
    method: (who, path, body = {}) => ask(who, 'POST', `/api/method/${path}`, { body }),
    stored,
    writesNothing: async (attacks) => {
      const before = await stored()
      await attacks()
      const after = await stored()
      const [had, has] = [new Set(before), new Set(after)]
      const changes = [
        ...before.filter((line) => !has.has(line)).map((line) => `- ${line}`),
        ...after.filter((line) => !had.has(line)).map((line) => `+ ${line}`),
      ]
      assert.equal(changes.length, 0, `something was written:\n${changes.map((line) => line.slice(0, 400)).join('\n')}`)
    },
  }
}
