import { partsOf } from '#kernel/apps/apps.ts'
import type { Context } from '#kernel/context/context.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { MethodDenied, MethodUnknown, VerbNotAllowed } from './errors.ts'
import { readInput } from './input.ts'
import type { Method, Verb } from './method.ts'

/**
 * Calls a method for the context's user, as a caller from outside may: verb, rule, scopes and input are checked first.
 * @param given parameters as they came; text is read as the method's input wants it
 * @throws VerbNotAllowed, MethodDenied, PermissionDenied, BadInput, and whatever the method refuses
 */
export async function callMethod(ctx: Context, method: Method, given: Readonly<Record<string, unknown>>, verb: Verb): Promise<unknown> {
  if (!method.verbs.includes(verb)) throw new VerbNotAllowed({ method: method.path, verb, allowed: method.verbs })
  checkScopes(ctx, method)
  await checkRule(ctx, method)
  return method.handler(ctx, readInput(method, given) as never)
}

/** The method of that path, on the context's site. @throws MethodUnknown */
export function findMethod(ctx: Pick<Context, 'site'>, path: string): Method {
  const method = ctx.site.apps.method(path)
  if (!method) throw new MethodUnknown({ method: path.slice(0, 140) })
  return method
}

/** As `findMethod`, with the methods that the site's own documents add. @throws MethodUnknown */
export async function methodAt(ctx: Pick<Context, 'site'>, path: string): Promise<Method> {
  const method = ctx.site.apps.method(path)
  if (method) return method
  for (const part of ctx.site.apps.all.flatMap(partsOf)) {
    const found = await part.siteMethod?.(ctx.site, path)
    if (found) return found
  }
  return findMethod(ctx, path)
}

async function checkRule(ctx: Context, { path, rule }: Method): Promise<void> {
  if (ctx.user.unrestricted) return
  switch (rule.kind) {
    case 'guest':
    case 'documents':
      return
    case 'signed-in':
      if (ctx.user.name === 'Guest') throw new MethodDenied({ method: path, reason: 'sign in first' })
      return
    case 'roles':
      if (!rule.anyOf.some((role) => ctx.user.roles.has(role)))
        throw new MethodDenied({ method: path, reason: `it is for ${rule.anyOf.join(', ')}` })
      return
    case 'permission':
      await demand(ctx, rule.action, rule.doctype)
      return
    default:
      throw new MethodDenied({ method: path, reason: 'it declares no rule' })
  }
}

/**
 * An API key with scopes calls what it names (`method:frappe.client.*` names several) and what everybody may call. Methods whose every
 * document is checked are open too, because the scopes narrow those checks; those that write need a scope that leaves room for writing.
 * For the rest `read` opens methods that take GET, `write` all.
 */
function checkScopes(ctx: Context, { path, rule, verbs }: Method): void {
  const scopes = ctx.user.scopes
  if (!scopes || rule.kind === 'guest') return
  const isChecked = rule.kind === 'documents' || rule.kind === 'permission'
  const reads = verbs.includes('GET')
  const isOpen = scopes.some((scope) => {
    if (scope === 'write' || (scope.startsWith('method:') && names(scope.slice(7), path))) return true
    if (!isChecked) return scope === 'read' && reads
    return reads || (scope.startsWith('doctype:') && !scope.endsWith(':read'))
  })
  if (!isOpen) throw new MethodDenied({ method: path, reason: 'the scopes of the API key do not cover it' })
}

function names(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true
  return pattern.endsWith('.*') && path.startsWith(pattern.slice(0, -1))
}
