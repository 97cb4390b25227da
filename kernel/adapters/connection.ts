import { and, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { Connection } from './adapter.ts'
import { AdapterRefused } from './errors.ts'

/** The DocType that holds accounts at other systems. */
export const connectionDoctype = 'Adapter Connection'

/** The connection as stored; locked, so that one at a time takes records of it. @throws DocumentNotFound */
export async function connectionNamed(ctx: Context, name: string, lock = false): Promise<AnyDocument> {
  const found = await find(ctx, await ctx.site.meta.get(connectionDoctype), name, lock)
  if (!found) throw new DocumentNotFound({ doctype: connectionDoctype, name: name.slice(0, 140) })
  return found
}

/** What an adapter gets to see of it. */
export function connectionOf(ctx: Context, document: AnyDocument): Connection {
  return {
    name: document.name,
    adapter: String(document.adapter),
    organization: (document.organization as string | null) ?? null,
    address: String(document.address ?? ''),
    account: String(document.account ?? ''),
    secret: () => getSecret(ctx, connectionDoctype, document.name, 'secret'),
  }
}

/** The enabled connection of an adapter whose account a webhook is about. @throws AdapterRefused where there is none, or several */
export async function connectionFor(
  ctx: Context,
  adapter: string,
  organization: string | null,
  account: string | null,
): Promise<AnyDocument> {
  const own: Predicate[] = [where('adapter', '=', adapter), where('enabled', '=', 1)]
  own.push(organization === null ? where('organization', 'not set') : where('organization', '=', organization))
  const rows = await findRows(ctx, await ctx.site.meta.get(connectionDoctype), and(...own), { fields: ['name', 'account'], limit: 100 })
  const fitting = account ? rows.filter((row) => !row.account || row.account === account) : rows
  const [only] = fitting
  if (!only || fitting.length > 1)
    throw new AdapterRefused({
      field: 'connection',
      reason: `${fitting.length === 0 ? 'no' : 'more than one'} connection of ${adapter} fits.`,
    })
  return connectionNamed(ctx, only.name, true)
}
