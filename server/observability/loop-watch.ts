import type { Logger } from 'pino'

const everyMs = 500

/**
 * Says in the log when the process could do nothing else for a while, as a long computation or a stopped machine does.
 * @param blockedMs from when on it is worth a line
 * @returns how to end it
 */
export function watchLoop(log: Logger, blockedMs = 1_000): () => void {
  let expected = performance.now() + everyMs
  const timer = setInterval(() => {
    const late = performance.now() - expected
    expected = performance.now() + everyMs
    if (late < blockedMs) return
    const active = process.getActiveResourcesInfo()
    log.warn({ blockedMs: Math.round(late), sockets: active.filter((name) => name.startsWith('TCP')).length }, 'the event loop stood still')
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
