import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { can, grantFor } from '#kernel/permissions/grants.ts'
import { rowMatches } from '#kernel/permissions/row-matches.ts'
import { conditionSql } from '#kernel/query/columns.ts'
import { permissionSite, type PermissionSite } from '#testing/permission-site.ts'
import { isListed, isMasked, levels, mayAsk, mayCreate, mayDo } from './model.ts'
import {
  aWorld,
  definitionsOf,
  hooksOf,
  rightNames,
  valuesOf,
  type World,
  type WorldDocType,
  worldDocTypes,
  type WorldUser,
} from './world.ts'

const runs = Number(process.env.ORC_ORACLE_WORLDS ?? 150)

function settle(world: World): { site: PermissionSite; documents: AnyDocument[] } {
  const site = permissionSite({
    doctypes: definitionsOf(world),
    scopes: ['Organization'],
    hooks: hooksOf(world),
    settings: { apply_strict_user_permissions: world.strictLinks ? '1' : '0' },
  })
  for (const { user, allow, value, applicableFor, hideDescendants } of world.permissions)
    site.permit(user, allow, value, {
      apply_to_all_doctypes: applicableFor ? 0 : 1,
      applicable_for: applicableFor ?? null,
      hide_descendants: hideDescendants ? 1 : 0,
    })
  for (const { user, doctype, name, rights } of world.shares) site.share(user, doctype, name, rights)
  return { site, documents: world.documents.map((document) => site.add(document.doctype, valuesOf(document))) }
}

async function inSql(ctx: Context, site: PermissionSite, doctype: string, grant: Awaited<ReturnType<typeof grantFor>>): Promise<string[]> {
  const meta = site.meta(doctype)
  const condition = await conditionSql(ctx, meta, 't', grant.rows)
  const rows = await ctx.db.query(ctx.db.dialect.compile(sql`select t.name as name from ${ident(meta.table)} as t where ${condition}`))
  return rows.map((row) => String(row.name)).sort()
}

async function checkUser(world: World, site: PermissionSite, documents: readonly AnyDocument[], user: WorldUser): Promise<void> {
  const ctx = contextOf(site, user)
  for (const doctype of worldDocTypes) {
    const facts = world.documents.filter((fact) => fact.doctype === doctype)
    const own = documents.filter((document) => document.doctype === doctype)
    for (const right of rightNames) {
      const what = `${user.name} ${right} ${doctype}`
      const grant = await grantFor(ctx, doctype, right)
      if (right === 'create') {
        for (const [at, fact] of facts.entries()) {
          const fresh = { ...own[at], owner: user.name } as AnyDocument
          assert.equal(await can(ctx, 'create', doctype, fresh), mayCreate(world, user, fact), `${what} ${fact.name}`)
        }
        continue
      }
      assert.equal(grant.allowed, mayAsk(world, user, right, doctype), what)
      const listed = facts.filter((fact) => isListed(world, user, right, fact)).map((fact) => fact.name)
      assert.deepEqual(await inSql(ctx, site, doctype, grant), listed.sort(), `${what} in SQL`)
      for (const [at, fact] of facts.entries()) {
        const document = own[at] as AnyDocument
        assert.equal(await rowMatches(ctx, grant, document), listed.includes(fact.name), `${what} ${fact.name} in memory`)
        assert.equal(await can(ctx, right, doctype, document), mayDo(world, user, right, fact), `${what} ${fact.name}`)
      }
    }
    const access = await fieldAccess(ctx, site.meta(doctype))
    const [readable, writable] = [levels(world, user, doctype, 'read'), levels(world, user, doctype, 'write')]
    const selectable = readable.size === 0 && mayAsk({ ...world, shares: [] }, user, 'select', doctype)
    for (const field of site.meta(doctype).fields) {
      const what = `${user.name} ${doctype}.${field.fieldname}`
      const isHidden = field.mask === 1 && isMasked(world, user, doctype, field.permlevel)
      assert.equal(access.canRead(field), readable.has(field.permlevel) || (selectable && field.fieldname === 'name'), `${what} read`)
      assert.equal(access.canWrite(field), writable.has(field.permlevel) && !isHidden, `${what} write`)
      assert.equal(access.isMasked(field), isHidden, `${what} masked`)
    }
  }
}

test('grants, in SQL and in memory, agree with the model in random worlds', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(aWorld, async (world) => {
      const { site, documents } = settle(world)
      for (const user of world.users) await checkUser(world, site, documents, user)
    }),
    { numRuns: runs },
  )
})

test('taking away a role row or a share never shows more', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(aWorld, fc.nat(), async (world, pick) => {
      const count = world.rows.length + world.shares.length
      if (count === 0) return
      const at = pick % count
      const without: World =
        at < world.rows.length
          ? { ...world, rows: world.rows.toSpliced(at, 1) }
          : { ...world, shares: world.shares.toSpliced(at - world.rows.length, 1) }
      const [before, after] = [settle(world).site, settle(without).site]
      for (const user of world.users)
        for (const doctype of worldDocTypes) {
          for (const right of rightNames) {
            const seen = new Set(await listFor(before, user, doctype, right))
            for (const name of await listFor(after, user, doctype, right))
              assert.ok(seen.has(name), `${user.name} ${right} ${doctype} ${name}`)
          }
          const [wide, narrow] = [await openFields(before, user, doctype), await openFields(after, user, doctype)]
          for (const field of narrow) assert.ok(wide.has(field), `${user.name} ${doctype} ${field}`)
        }
    }),
    { numRuns: Math.ceil(runs / 3) },
  )
})

function contextOf(site: PermissionSite, user: WorldUser): Context {
  return site.as(user.name, user.roles, user.keyScopes ? { scopes: user.keyScopes } : {})
}

async function listFor(
  site: PermissionSite,
  user: WorldUser,
  doctype: WorldDocType,
  right: (typeof rightNames)[number],
): Promise<string[]> {
  const ctx = contextOf(site, user)
  return inSql(ctx, site, doctype, await grantFor(ctx, doctype, right))
}

async function openFields(site: PermissionSite, user: WorldUser, doctype: WorldDocType): Promise<Set<string>> {
  const access = await fieldAccess(contextOf(site, user), site.meta(doctype))
  const { fields } = site.meta(doctype)
  const named = (verb: string, test: (field: (typeof fields)[number]) => boolean) =>
    fields.filter(test).map((field) => `${verb} ${field.fieldname}`)
  return new Set([
    ...named('read', access.canRead),
    ...named('write', access.canWrite),
    ...named('unmask', (field) => !access.isMasked(field)),
  ])
}
