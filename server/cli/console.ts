import { Recoverable, type ReplOptions, type REPLServer, start } from 'node:repl'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Context, Principal } from '#kernel/context/context.ts'
import { getDocument, getSingle } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { newDocument } from '#kernel/documents/new-document.ts'
import { cancel, insert, save, submit } from '#kernel/documents/save.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { count } from '#kernel/query/count.ts'
import { list } from '#kernel/query/list.ts'
import type { ListOptions } from '#kernel/query/options.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'

type AfterContext<F> = F extends (ctx: Context, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never

/** Reads lines and evaluates them until the input ends. Nothing typed here is checked beyond what the kernel checks. */
export async function runConsole(site: OpenSite, user: Principal): Promise<void> {
  const isPerson = process.stdin.isTTY === true
  if (isPerson) {
    process.stdout.write(`Site ${site.host}, as ${user.name}. Each of these is one unit of work, written at once:\n`)
    process.stdout.write(`  ${Object.keys(wordsFor(site, user)).join('  ')}\n`)
    process.stdout.write('Several in one: await run(async (ctx) => …). To look around: ctx, which never writes.\n')
  }
  const reads = await readingContext(site, user)
  const input = isPerson ? process.stdin : new PassThrough()
  let failed: ((error: unknown) => void) | undefined
  const options: ReplOptions & { handleError(error: unknown): 'print' | 'ignore' } = {
    input,
    output: process.stdout,
    prompt: isPerson ? `${site.host}> ` : '',
    preview: isPerson,
    terminal: isPerson,
    handleError(error) {
      failed?.(error)
      return failed ? 'ignore' : 'print'
    },
  }
  const repl = start(options)
  Object.assign(repl.context, { ctx: reads.ctx, site, ...wordsFor(site, user) })
  if (isPerson) await new Promise<void>((done) => repl.on('exit', () => done()))
  else await evaluateAll(repl, await text(process.stdin), (fail) => (failed = fail))
  await reads.end()
}

/** Line after line, each awaited before the next; what is not finished yet is taken together with the next. @throws what a line throws */
async function evaluateAll(repl: REPLServer, script: string, onError: (fail: (error: unknown) => void) => void): Promise<void> {
  let pending = ''
  for (const line of script.split('\n')) {
    pending += `${line}\n`
    const result = await new Promise<unknown>((done, fail) => {
      onError(fail)
      repl.eval(pending, repl.context, 'console', (error, value) => {
        if (error instanceof Recoverable) done(unfinished)
        else if (error) fail(error)
        else done(value)
      })
    })
    if (result === unfinished) continue
    if (pending.trim() !== '' && result !== undefined) process.stdout.write(`${repl.writer(result)}\n`)
    pending = ''
  }
  repl.close()
}

const unfinished = Symbol('unfinished')

function wordsFor(site: OpenSite, user: Principal) {
  const run = <T>(work: (ctx: Context) => Promise<T>): Promise<T> => site.run(user, work, { via: 'cli' })
  const bound = <F extends (ctx: Context, ...rest: never[]) => Promise<unknown>>(verb: F): AfterContext<F> =>
    ((...rest: never[]) => run((ctx) => verb(ctx, ...rest))) as AfterContext<F>
  const query = (options: Partial<ListOptions> = {}): ListOptions => ({ wire: { version: 1, zone: site.timeZone }, ...options })
  return {
    list: async (doctype: string, options?: Partial<ListOptions>) => (await run((ctx) => list(ctx, doctype, query(options)))).rows,
    count: (doctype: string, options?: Partial<ListOptions>) => run((ctx) => count(ctx, doctype, query(options))),
    getDocument: bound(getDocument),
    getSingle: bound(getSingle),
    newDocument: bound(newDocument),
    insert: bound(insert),
    save: bound(save),
    submit: bound(submit),
    cancel: bound(cancel),
    remove: bound(remove),
    call: (path: string, input: Record<string, unknown> = {}) => run((ctx) => callMethod(ctx, findMethod(ctx, path), input, 'POST')),
    run,
  }
}

/** A context that lives as long as the console and whose writes are undone: a write left open would keep everybody else waiting. */
async function readingContext(site: OpenSite, user: Principal): Promise<{ ctx: Context; end(): Promise<void> }> {
  const ended = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<Context>()
  const unit = site.run(
    user,
    (ctx) => {
      opened.resolve(ctx)
      return ended.promise
    },
    { via: 'cli', readOnly: true },
  )
  return {
    ctx: await opened.promise,
    async end() {
      ended.resolve()
      await unit
    },
  }
}
