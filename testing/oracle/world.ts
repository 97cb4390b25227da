import fc from 'fast-check'
import { where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { PermissionRow } from '#kernel/meta/definition.ts'
import { readDefinition } from '#kernel/meta/read-definition.ts'
import { field, type SmallDocType } from '#testing/permission-site.ts'
import caseJson from './apps/oracle/doctypes/case/case.json' with { type: 'json' }
import caseVisitJson from './apps/oracle/doctypes/case_visit/case_visit.json' with { type: 'json' }
import memoJson from './apps/oracle/doctypes/memo/memo.json' with { type: 'json' }
import regionJson from './apps/oracle/doctypes/region/region.json' with { type: 'json' }

/** The DocTypes of a small world: a tenant, a tree, a submittable document with child rows, and one that points at it. */
export const worldDocTypes = ['Organization', 'Region', 'Case', 'Memo'] as const
export type WorldDocType = (typeof worldDocTypes)[number]

export const rightNames = [
  'select',
  'read',
  'write',
  'create',
  'delete',
  'submit',
  'cancel',
  'print',
  'email',
  'report',
  'export',
  'share',
] as const
export type RightName = (typeof rightNames)[number] | 'amend'

export interface WorldUser {
  readonly name: string
  readonly roles: readonly string[]
  readonly keyScopes?: readonly string[]
}

export interface RowFact {
  readonly doctype: WorldDocType
  readonly role: string
  readonly level: number
  readonly rights: readonly RightName[]
  readonly ifOwner: boolean
  readonly userScope?: WorldDocType
  readonly mask: boolean
}

export interface PermissionFact {
  readonly user: string
  readonly allow: WorldDocType
  readonly value: string
  readonly applicableFor?: WorldDocType
  readonly hideDescendants: boolean
}

export interface ShareFact {
  /** Absent: everybody. */
  readonly user?: string
  readonly doctype: WorldDocType
  readonly name: string
  readonly rights: readonly ('read' | 'write' | 'share' | 'submit')[]
}

/** A document of any of the DocTypes; fields that its DocType lacks are ''. */
export interface DocumentFact {
  readonly doctype: WorldDocType
  readonly name: string
  readonly owner: string
  readonly organization: string
  readonly region: string
  /** Memo: the Case it is about. */
  readonly about: string
  readonly note: string
  /** Case: regions of its visits. */
  readonly visits: readonly string[]
  readonly parentRegion: string
}

export interface World {
  readonly strictLinks: boolean
  readonly hooks: { readonly memoNotHidden: boolean; readonly caseOpenNotes: boolean; readonly caseNotClosed: boolean }
  readonly users: readonly WorldUser[]
  readonly rows: readonly RowFact[]
  readonly permissions: readonly PermissionFact[]
  readonly shares: readonly ShareFact[]
  readonly documents: readonly DocumentFact[]
}

const users = ['ann', 'ben', 'cas'] as const
const roles = ['Clerk', 'Nurse'] as const
const organizations = ['North', 'South'] as const
/** Europe and Asia lie in World, Berlin in Europe; Loose has no place in the tree. */
const regions: Readonly<Record<string, { parent: string; lft: number; rgt: number }>> = {
  World: { parent: '', lft: 1, rgt: 8 },
  Europe: { parent: 'World', lft: 2, rgt: 5 },
  Berlin: { parent: 'Europe', lft: 3, rgt: 4 },
  Asia: { parent: 'World', lft: 6, rgt: 7 },
  Loose: { parent: '', lft: 0, rgt: 0 },
}
const cases = ['C1', 'C2', 'C3', 'C4', 'C5'] as const
const memos = ['M1', 'M2', 'M3'] as const
const namesOf: Readonly<Record<WorldDocType, readonly string[]>> = {
  Organization: organizations,
  Region: Object.keys(regions),
  Case: cases,
  Memo: memos,
}

const aName = (doctype: WorldDocType) => fc.constantFrom(...namesOf[doctype])
const orNone = (names: readonly string[]) => fc.constantFrom('', ...names)
const aDocType = fc.constantFrom(...worldDocTypes)
const anOwner = fc.constantFrom<string>(...users, 'Administrator', 'Guest')
const blank = { organization: '', region: '', about: '', note: '', visits: [] as string[], parentRegion: '' }
const aNote = fc.constantFrom('', 'open', 'closed', 'hidden')

const aRow: fc.Arbitrary<RowFact> = fc.record(
  {
    doctype: fc.oneof({ arbitrary: fc.constantFrom<WorldDocType>('Case', 'Memo'), weight: 3 }, { arbitrary: aDocType, weight: 1 }),
    role: fc.oneof({ arbitrary: fc.constantFrom<string>(...roles), weight: 3 }, { arbitrary: fc.constantFrom('All', 'Guest'), weight: 1 }),
    level: fc.constantFrom(0, 0, 0, 1),
    rights: fc.subarray([...rightNames], { minLength: 1 }) as fc.Arbitrary<RightName[]>,
    ifOwner: fc.constantFrom(false, false, true),
    userScope: fc.constantFrom<WorldDocType>('Organization', 'Region', 'Case'),
    mask: fc.boolean(),
  },
  { requiredKeys: ['doctype', 'role', 'level', 'rights', 'ifOwner', 'mask'] },
)

const aPermission: fc.Arbitrary<PermissionFact> = fc
  .oneof({ arbitrary: fc.constant<WorldDocType>('Region'), weight: 2 }, { arbitrary: aDocType, weight: 2 })
  .chain((allow) =>
    fc.record(
      {
        user: fc.constantFrom<string>(...users),
        allow: fc.constant(allow),
        value: aName(allow),
        applicableFor: fc.constantFrom<WorldDocType>('Case', 'Memo'),
        hideDescendants: fc.boolean(),
      },
      { requiredKeys: ['user', 'allow', 'value', 'hideDescendants'] },
    ),
  )

const aShare: fc.Arbitrary<ShareFact> = aDocType.chain((doctype) =>
  fc.record(
    {
      user: fc.constantFrom<string>(...users),
      doctype: fc.constant(doctype),
      name: aName(doctype),
      rights: fc.subarray(['read', 'write', 'share', 'submit'] as const, { minLength: 1 }) as fc.Arbitrary<ShareFact['rights'][number][]>,
    },
    { requiredKeys: ['doctype', 'name', 'rights'] },
  ),
)

/** Rows that open much, so that it is the narrower rules that decide. */
const aBroadRow: fc.Arbitrary<RowFact> = fc
  .record({ doctype: aDocType, role: fc.constantFrom('Clerk', 'All'), without: fc.subarray([...rightNames], { maxLength: 3 }) })
  .map(({ doctype, role, without }) => ({
    doctype,
    role,
    level: 0,
    rights: rightNames.filter((right) => !without.includes(right)),
    ifOwner: false,
    mask: false,
  }))

const aTenancy: fc.Arbitrary<PermissionFact> = fc.record({
  user: fc.constantFrom<string>(...users),
  allow: fc.constant('Organization' as const),
  value: aName('Organization'),
  hideDescendants: fc.boolean(),
})

function aUser(name: string): fc.Arbitrary<WorldUser> {
  const keyScopes = fc.subarray(['read', 'doctype:Case', 'doctype:Case:read', 'doctype:Memo:write', 'doctype:Memo:delete', 'method:x'])
  return fc
    .record(
      {
        name: fc.constant(name),
        roles: fc.subarray([...roles]),
        keyScopes: fc.option(keyScopes, { nil: undefined, freq: 4 }).map((scopes) => scopes),
      },
      { requiredKeys: ['name', 'roles'] },
    )
    .map(({ keyScopes: scopes, ...user }) => (scopes && scopes.length > 0 ? { ...user, keyScopes: scopes } : user))
}

const aCase = (name: string): fc.Arbitrary<DocumentFact> =>
  fc
    .record({
      owner: anOwner,
      organization: orNone(organizations),
      region: orNone(namesOf.Region),
      note: aNote,
      visits: fc.array(orNone(namesOf.Region), { maxLength: 2 }),
    })
    .map((drawn) => ({ ...blank, ...drawn, doctype: 'Case' as const, name }))

const aMemo = (name: string): fc.Arbitrary<DocumentFact> =>
  fc
    .record({ owner: anOwner, region: orNone(namesOf.Region), about: orNone(cases), note: aNote })
    .map((drawn) => ({ ...blank, ...drawn, doctype: 'Memo' as const, name }))

/** Random worlds: three users and Guest, two roles, two tenants, a tree of regions, documents, rights of every kind. */
export const aWorld: fc.Arbitrary<World> = fc.record({
  strictLinks: fc.constantFrom(false, false, true),
  hooks: fc.record({ memoNotHidden: fc.boolean(), caseOpenNotes: fc.boolean(), caseNotClosed: fc.boolean() }),
  users: fc.tuple(...users.map(aUser)).map((drawn) => [...drawn, { name: 'Guest', roles: [] }]),
  rows: fc.tuple(fc.array(aRow, { maxLength: 8 }), fc.array(aBroadRow, { maxLength: 3 })).map(([some, broad]) => [...some, ...broad]),
  permissions: fc.tuple(fc.array(aPermission, { maxLength: 5 }), fc.array(aTenancy, { maxLength: 4 })).map((drawn) => drawn.flat()),
  shares: fc.array(aShare, { maxLength: 5 }),
  documents: fc.tuple(fc.tuple(...cases.map(aCase)), fc.tuple(...memos.map(aMemo))).map(([first, second]) => [
    ...organizations.map((name) => ({ ...blank, doctype: 'Organization' as const, name, owner: 'Administrator' })),
    ...Object.entries(regions).map(([name, { parent }]) => ({
      ...blank,
      doctype: 'Region' as const,
      name,
      owner: 'ann',
      parentRegion: parent,
    })),
    ...first,
    ...second,
  ]),
})

/** The definitions of a world's DocTypes, with its permission rows. */
export function definitionsOf(world: Pick<World, 'rows'>): SmallDocType[] {
  const defined = (json: unknown, permissions: PermissionRow[] = []) => ({ ...readDefinition(json, 'oracle'), permissions })
  return [
    { name: 'Organization', fields: [field('note')], permissions: permissionRows(world, 'Organization') },
    defined(caseVisitJson),
    defined(regionJson, permissionRows(world, 'Region')),
    defined(caseJson, permissionRows(world, 'Case')),
    defined(memoJson, permissionRows(world, 'Memo')),
  ]
}

/** A DocType's permission rows in this world. */
export function permissionRows(world: Pick<World, 'rows'>, doctype: WorldDocType): PermissionRow[] {
  return world.rows.filter((row) => row.doctype === doctype).map(permissionRow)
}

function permissionRow(row: RowFact): PermissionRow {
  return {
    role: row.role,
    permlevel: row.level,
    if_owner: row.ifOwner ? 1 : 0,
    mask: row.mask ? 1 : 0,
    ...Object.fromEntries(row.rights.map((right) => [right, 1])),
    ...(row.userScope && { user_scope: row.userScope }),
  }
}

/** What the world's apps say about rows and documents. */
export function hooksOf(world: Pick<World, 'hooks'>): Record<string, PermissionHooks> {
  const { memoNotHidden, caseOpenNotes, caseNotClosed } = world.hooks
  return {
    ...(memoNotHidden && { Memo: { rows: () => where('note', '!=', 'hidden') } }),
    Case: {
      ...(caseOpenNotes && { alsoRows: () => where('note', '=', 'open') }),
      ...(caseNotClosed && { check: (_ctx, document) => document.note !== 'closed' }),
    },
  }
}

/** A document's values as a row; places in the tree for regions. */
export function valuesOf(document: DocumentFact): Record<string, unknown> & { name: string } {
  const { name, owner, note } = document
  const common = { name, owner, note: note || null }
  switch (document.doctype) {
    case 'Organization':
      return common
    case 'Region': {
      const { lft, rgt } = regions[name] ?? { lft: 0, rgt: 0 }
      return { ...common, lft, rgt, parent_region: document.parentRegion || null }
    }
    case 'Case':
      return {
        ...common,
        organization: document.organization || null,
        region: document.region || null,
        secret: `secret of ${name}`,
        phone: '0301234',
        visits: document.visits.map((one) => ({ region: one || null, note: 'a visit', secret: 'of the visit' })),
      }
    case 'Memo':
      return { ...common, region: document.region || null, about: document.about || null, secret: `secret of ${name}` }
  }
}
