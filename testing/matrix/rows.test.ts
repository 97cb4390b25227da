import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PermissionRow } from '#kernel/meta/definition.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { testSite } from '#testing/site.ts'
import { businessApps, differences, roleMatrix, rowsOfTable } from './matrix.ts'

const apps = businessApps()
const { site } = await testSite({ apps })
const installed = new Set(site.apps.all.map((app) => app.name))
const rolesOfApps = new Set(site.apps.all.flatMap((app) => app.roles ?? []).map((role) => (typeof role === 'string' ? role : role.name)))
const metas: Meta[] = []
for (const app of site.apps.all.filter(({ name }) => name === 'company' || apps.includes(name)))
  for (const { name } of app.doctypes) metas.push(await site.meta.get(name))

const skipped = roleMatrix.areas.filter((area) => !installed.has(area.app))
test(`the matrix waits for apps that do not stand yet: ${skipped.map((area) => `${area.app} (${area.doctypes.join(', ')})`).join('; ') || 'none'}`, (t) => {
  for (const area of skipped) t.diagnostic(`skipped: ${area.doctypes.join(', ')}; the app ${area.app} is not there`)
  assert.equal(new Set(roleMatrix.areas.flatMap((area) => area.doctypes)).size, roleMatrix.areas.flatMap((area) => area.doctypes).length)
})

for (const area of roleMatrix.areas.filter(({ app }) => installed.has(app)))
  test(`${area.area}: the rows of ${area.app} are those of the matrix`, async () => {
    const wrong: string[] = []
    for (const doctype of area.doctypes) {
      if (!(await site.meta.exists(doctype))) {
        wrong.push(`${doctype} is missing, though the app ${area.app} is installed`)
        continue
      }
      const meta = await site.meta.get(doctype)
      const rows = rowsFor(meta)
      for (const role of Object.keys(area.roles)) wrong.push(...differences(area, role, rows, meta).map((text) => `${doctype}: ${text}`))
      if (!area.closed) continue
      const named = new Set([...Object.keys(area.roles), ...(area.alsoAllowed ?? [])])
      for (const { role } of rows) if (!named.has(role)) wrong.push(`${doctype}: ${role} has rights, and the matrix does not name it`)
    }
    assert.deepEqual(wrong, [])
  })

test('every role that the matrix or a permission row names is a role of some app', () => {
  const named = new Set([
    ...roleMatrix.areas.flatMap((area) => [...Object.keys(area.roles), ...(area.alsoAllowed ?? [])]),
    ...metas.flatMap((meta) => (meta.definition.permissions ?? []).map((row) => row.role)),
  ])
  assert.deepEqual(
    [...named].filter((role) => !rolesOfApps.has(role)),
    [],
  )
})

test('every document of a business app belongs to an organization, or says why not', () => {
  const open = metas.filter(
    (meta) => !meta.isTable && !meta.isSingle && !meta.isVirtual && !(meta.name in roleMatrix.siteWide) && !isConfined(meta),
  )
  assert.deepEqual(
    open.map((meta) => `${meta.name} (${meta.app})`),
    [],
  )
})

/** A table has the rows of the document around it, at the level of the field that holds it. */
function rowsFor(meta: Meta): readonly PermissionRow[] {
  if (!meta.isTable) return meta.definition.permissions ?? []
  return metas.filter((one) => one.tables.some((field) => field.options === meta.name)).flatMap((one) => rowsOfTable(one, meta.name))
}

function isConfined(meta: Meta): boolean {
  if (meta.definition.user_permission_dependant_doctype) return true
  return meta.links.some((field) => field.options === 'Organization' && field.stored && field.reqd === 1 && !field.ignore_user_permissions)
}

test('nobody from outside has a right on all documents of a business app', () => {
  const outside = new Set(['Guest', 'All', 'Portal User', 'Website User', 'Customer', 'Patient'])
  const wide = metas.flatMap((meta) =>
    (meta.definition.permissions ?? [])
      .filter((row) => outside.has(row.role) && row.if_owner !== 1 && (row.permlevel ?? 0) === 0)
      // A condition of the app may stand in the way, as for the customer's own documents.
      .filter(() => !site.apps.permissionHooks(meta.name).some((hook) => hook.rows))
      .map((row) => `${meta.name}: ${row.role}`),
  )
  assert.deepEqual(wide, [])
})
