import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { OfAnotherOrganization } from './errors.ts'

type Uses = Map<string, Map<string, string>>

/**
 * Before a document is written: whatever it links to that belongs to an organization belongs to its own. The tenants' walls keep people out of
 * what is not theirs; this keeps those apart who may enter two, and the platform's own code.
 * @throws OfAnotherOrganization with the path of the link
 */
export const keepOrganizationsApart: DocumentListener = async (ctx, document, extra) => {
  const { organization } = document
  if (typeof organization !== 'string' || organization === '') return
  const meta = await ctx.site.meta.get(document.doctype)
  const before = extra?.before as AnyDocument | undefined
  const uses: Uses = new Map()
  gather(uses, meta, document, before, '')
  for (const table of meta.tables) {
    const child = await ctx.site.meta.meta(table.options ?? '')
    const earlier = new Map(((before?.[table.fieldname] as AnyDocument[] | undefined) ?? []).map((row) => [row.name, row]))
    for (const [index, row] of ((document[table.fieldname] as AnyDocument[] | undefined) ?? []).entries())
      gather(uses, child, row, earlier.get(row.name), `${table.fieldname}[${index}].`)
  }
  for (const [doctype, paths] of uses) await checkTargets(ctx, meta.name, organization, doctype, paths)
}

/** Links that are new, as path by target. */
function gather(uses: Uses, meta: Meta, row: AnyDocument, before: AnyDocument | undefined, path: string): void {
  for (const { fieldname, options } of meta.links) {
    const value = row[fieldname]
    if (typeof value !== 'string' || value === '' || before?.[fieldname] === value || !options) continue
    const paths = uses.get(options) ?? new Map<string, string>()
    if (!paths.has(value)) paths.set(value, path + fieldname)
    uses.set(options, paths)
  }
}

async function checkTargets(
  ctx: Context,
  from: string,
  organization: string,
  doctype: string,
  paths: ReadonlyMap<string, string>,
): Promise<void> {
  if (!(await ctx.site.meta.exists(doctype))) return
  const target = await ctx.site.meta.get(doctype)
  if (target.isTable || target.isSingle || target.isVirtual || target.field.get('organization')?.options !== 'Organization') return
  const names = [...paths.keys()]
  for (let start = 0; start < names.length; start += 1000) {
    const among = where('name', 'in', names.slice(start, start + 1000))
    const elsewhere = [where('organization', 'set'), where('organization', '!=', organization)]
    const [foreign] = await findRows(ctx, target, { all: [among, ...elsewhere] }, { fields: ['name'], limit: 1 })
    if (foreign) throw new OfAnotherOrganization({ doctype: from, field: paths.get(foreign.name) ?? '', value: foreign.name, organization })
  }
}
