import { batchHandler } from './batch.ts'
import type { Handler, Route } from './exchange.ts'
import { splitPath } from './read-path.ts'
import { downloadFile, downloadMethods, fileRoute } from './serve-file.ts'
import { routeV1, runMethod } from './v1.ts'
import { routeV2 } from './v2.ts'

const batch: Route = { handler: batchHandler(findRoute), version: 2 }

/** Finds what answers an address below /api or that of a file; undefined: nothing does. @throws PathMalformed */
export function findRoute(path: string): Route | undefined {
  const [api, ...parts] = splitPath(path)
  if (api !== 'api') return fileRoute(path)
  if (parts[0] === 'v2') {
    if (parts[1] === 'batch' && parts.length === 2) return batch
    return asRoute(routeV2(parts.slice(1)), 2, parts.slice(1))
  }
  const rest = parts[0] === 'v1' ? parts.slice(1) : parts
  return asRoute(routeV1(rest), 1, rest)
}

function asRoute(handler: Handler | undefined, version: 1 | 2, parts: readonly string[]): Route | undefined {
  if (!handler) return undefined
  if (parts[0] !== 'method') return { handler, version }
  const method = parts.slice(1).join('/')
  return downloadMethods.has(method) ? { handler: downloadFile, version } : { handler, version, method }
}

/** The route of `cmd=…`, which Frappe's clients send to any address. */
export function commandRoute(command: string, path: string): Route {
  if (downloadMethods.has(command)) return { handler: downloadFile, version: versionOf(path) }
  return { handler: (ctx, call) => runMethod(ctx, call, command), version: versionOf(path), method: command }
}

/** Which version's words an address is answered in, also where nothing is there. */
export function versionOf(path: string): 1 | 2 {
  return path.startsWith('/api/v2/') || path === '/api/v2' ? 2 : 1
}
