import type { Apps } from '#kernel/apps/apps.ts'

const resources: Readonly<Record<string, string>> = { document: 'v2 document', doctype: 'v2 doctype' }

/**
 * The kind of address, out of a small closed set: a figure's labels must not grow with what visitors make up. Names of documents, files
 * and unknown methods are no part of it.
 */
export function routeLabel(path: string, apps: Apps): string {
  const parts = path.split('/').slice(1)
  if (parts[0] === 'api') {
    const isV2 = parts[1] === 'v2'
    const [kind, ...rest] = parts.slice(isV2 || parts[1] === 'v1' ? 2 : 1)
    if (kind === 'method') return apps.method(rest.join('/')) ? `method ${rest.join('/')}` : 'method unknown'
    if (isV2 && kind !== undefined && Object.hasOwn(resources, kind)) return `${resources[kind]} ${rest.length > 1 ? 'one' : 'list'}`
    if (kind === 'resource') return rest.length > 1 ? 'v1 one' : 'v1 list'
    return isV2 && kind === 'batch' ? 'v2 batch' : 'api unknown'
  }
  if (parts[0] === 'files' || parts[0] === 'private') return 'file'
  if (parts[0] === 'health' || parts[0] === 'metrics') return parts[0]
  if (parts[0] === 'socket.io') return 'realtime'
  return 'page'
}
