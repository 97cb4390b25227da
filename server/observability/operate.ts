import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import { defineError } from '#client/rules/errors.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
import { databaseFigures } from './database-figures.ts'
import { watchLoop } from './loop-watch.ts'
import { type OpsServing, serveOps } from './ops-server.ts'
import { registerProcessFigures } from './process-figures.ts'

export const BadOpsSetting = defineError<{ variable: string; given: string }>({
  code: 'server/bad-ops-setting',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.variable} is "${d.given}", which is not a number it can be.`,
})

/** What an operator wants to see of a process; read from its environment. */
export interface OpsSettings {
  /** Port of the listener for machines that watch; undefined: there is none. */
  readonly port: number | undefined
  readonly bind: string
  /** Opens `/metrics`, on the listener of its own and on the one for visitors, where it is hidden without. */
  readonly token: string | undefined
  /** A line per request: not at all, without users, with them. */
  readonly accessLog: 'off' | 'on' | 'users'
  readonly slowQueryMs: number
  /** How long a process that is told to end says that it is not ready before it stops taking requests. */
  readonly drainMs: number
}

/** @throws BadOpsSetting */
export function readOpsSettings(env: Readonly<Record<string, string | undefined>>): OpsSettings {
  return {
    port: env.ORC_OPS_PORT ? whole('ORC_OPS_PORT', env.ORC_OPS_PORT, 65_535) : undefined,
    bind: env.ORC_OPS_BIND || '127.0.0.1',
    token: env.ORC_METRICS_TOKEN || undefined,
    accessLog: env.ORC_ACCESS_LOG === 'users' ? 'users' : env.ORC_ACCESS_LOG && env.ORC_ACCESS_LOG !== '0' ? 'on' : 'off',
    slowQueryMs: whole('ORC_SLOW_QUERY_MS', env.ORC_SLOW_QUERY_MS || '1000', 3_600_000),
    drainMs: whole('ORC_DRAIN_MS', env.ORC_DRAIN_MS || '0', 300_000),
  }
}

function whole(variable: string, given: string, most: number): number {
  const number = Number(given)
  if (!/^\d{1,9}$/.test(given) || number > most) throw new BadOpsSetting({ variable, given: given.slice(0, 40) })
  return number
}

/** Whether this process keeps figures. */
export function keepsFigures({ port, token }: OpsSettings): boolean {
  return port !== undefined || token !== undefined
}

const version = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
const counted = new WeakSet<Runtime>()

/** Makes a process keep figures: called before its first site opens, so that every statement is timed. */
export function keepFigures(runtime: Runtime, settings: OpsSettings): void {
  if (counted.has(runtime)) return
  counted.add(runtime)
  runtime.observe(databaseFigures(runtime.log, settings.slowQueryMs / 1000))
  registerProcessFigures(runtime, version)
}

/** Opens the listener for machines that watch, where one is wanted. @returns how to close it */
export async function startOps(log: Logger, settings: OpsSettings, isReady: () => Promise<boolean>): Promise<() => Promise<void>> {
  if (settings.port === undefined) return async () => undefined
  const endWatch = watchLoop(log)
  const facts = { isReady, ...(settings.token !== undefined && { token: settings.token }) }
  const serving: OpsServing = await serveOps(facts, settings.port, settings.bind)
  return async () => {
    endWatch()
    await serving.close()
  }
}
