import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until a client under test has caught up. @throws Error after `limitMs` with what was waited for */
export async function until(what: string, isSo: () => boolean, limitMs = 5_000): Promise<void> {
  for (const started = Date.now(); !isSo(); ) {
    if (Date.now() - started > limitMs) throw new Error(`Waited in vain until ${what}.`)
    await sleep(5)
  }
}
