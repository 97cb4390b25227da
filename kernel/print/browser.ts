import type { Browser, BrowserContext } from 'puppeteer-core'
import { chromiumFiles } from './chromium-files.ts'
import { PdfTimedOut, PdfUnavailable } from './errors.ts'

/** Pages that are drawn at the same time; others wait. */
const atOnce = 2
/** Requests that may wait; more would only time out. */
const mostWaiting = 40
/** Pages after which a browser is replaced, so that what it leaks goes. */
const pagesPerBrowser = 300
/** Milliseconds without work after which it ends. */
const idleMs = 60_000

/**
 * Everything that could speak to somebody is off. What would still ask the network is sent to a proxy that is not there, loopback
 * included, and names are not looked up.
 */
const flags = [
  '--disable-gpu',
  '--disable-webgl',
  '--disable-extensions',
  '--disable-sync',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-default-apps',
  '--disable-breakpad',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--no-pings',
  '--no-zygote',
  '--mute-audio',
  '--font-render-hinting=none',
  '--force-color-profile=srgb',
  '--lang=en-US',
  '--proxy-server=http://127.0.0.1:9',
  '--proxy-bypass-list=<-loopback>',
  '--host-resolver-rules=MAP * ~NOTFOUND',
  '--webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--disable-features=Translate,MediaRouter,OptimizationHints,DialMediaRouteProvider',
]

let current: Promise<Browser> | undefined
let pagesDone = 0
let active = 0
let idle: NodeJS.Timeout | undefined
const waiting: (() => void)[] = []

/**
 * Lends a context of the one browser of this process: started with the first use, gone after a minute without, at most two at work. A
 * browser that died is replaced; the work that it took along fails.
 * @param timeoutMs for waiting and work together
 * @throws PdfUnavailable, PdfTimedOut
 */
export async function withBrowser<T>(timeoutMs: number, work: (context: BrowserContext) => Promise<T>): Promise<T> {
  const deadline = AbortSignal.timeout(timeoutMs)
  const timedOut = new Promise<never>((_, reject) => {
    deadline.addEventListener('abort', () => reject(new PdfTimedOut({ seconds: Math.ceil(timeoutMs / 1000) })), { once: true })
  })
  timedOut.catch(() => undefined)
  await turn(timedOut)
  let context: BrowserContext | undefined
  try {
    const browser = await Promise.race([started(), timedOut])
    context = await Promise.race([browser.createBrowserContext(), timedOut])
    return await Promise.race([work(context), timedOut])
  } catch (error) {
    // A page that hangs may hang the browser; the next one gets a new one.
    if (PdfTimedOut.is(error)) await endBrowser()
    throw error
  } finally {
    // Of a browser that is gone there is nothing to close.
    await Promise.race([context?.close(), new Promise((resolve) => setTimeout(resolve, 2_000).unref())]).catch(() => undefined)
    await finished()
  }
}

/** Ends the browser if there is one; the next use starts another. */
export async function endBrowser(): Promise<void> {
  const ending = current
  current = undefined
  pagesDone = 0
  clearTimeout(idle)
  const browser = await ending?.catch(() => undefined)
  if (!browser) return
  const child = browser.process()
  holdProcess(browser, true)
  await Promise.race([browser.close(), new Promise((resolve) => setTimeout(resolve, 3_000))]).catch(() => undefined)
  if (child?.exitCode === null) child.kill('SIGKILL')
}

async function turn(timedOut: Promise<never>): Promise<void> {
  if (active < atOnce) {
    active++
    return
  }
  if (waiting.length >= mostWaiting) throw new PdfUnavailable({ reason: 'too many are being made' })
  let go: () => void = () => undefined
  // Whoever ends hands the turn over without giving it back in between.
  const mine = new Promise<void>((resolve) => {
    go = resolve
    waiting.push(go)
  })
  try {
    await Promise.race([mine, timedOut])
  } catch (error) {
    const at = waiting.indexOf(go)
    if (at >= 0) waiting.splice(at, 1)
    else pass()
    throw error
  }
}

function pass(): void {
  const next = waiting.shift()
  if (next) next()
  else active--
}

async function finished(): Promise<void> {
  pagesDone++
  const isLast = active === 1 && waiting.length === 0
  if (isLast && pagesDone >= pagesPerBrowser) await endBrowser()
  pass()
  if (active > 0) return
  clearTimeout(idle)
  idle = setTimeout(() => {
    if (active === 0) void endBrowser()
  }, idleMs)
  idle.unref()
  // A process that has nothing else to do ends, and the browser with it.
  const browser = await current?.catch(() => undefined)
  if (browser && active === 0) holdProcess(browser, false)
}

async function started(): Promise<Browser> {
  clearTimeout(idle)
  const known = await current?.catch(() => undefined)
  if (known?.connected) {
    holdProcess(known, true)
    return known
  }
  current ??= launch()
  const launching = current
  try {
    const browser = await launching
    browser.once('disconnected', () => {
      if (current === launching) current = undefined
    })
    return browser
  } catch (error) {
    if (current === launching) current = undefined
    throw error
  }
}

async function launch(): Promise<Browser> {
  pagesDone = 0
  let failure: unknown
  // The browser's own sandbox needs user namespaces and no root; JavaScript is off with or without it.
  for (const sandbox of process.getuid?.() === 0 ? [false] : [true, false]) {
    try {
      const [{ default: puppeteer }, { executable, env }] = await Promise.all([import('puppeteer-core'), chromiumFiles()])
      return await puppeteer.launch({
        executablePath: executable,
        headless: 'shell',
        args: sandbox ? flags : [...flags, '--no-sandbox'],
        ignoreDefaultArgs: ['--disable-field-trial-config'],
        // No port that others on this machine could speak to.
        pipe: true,
        env: { ...inherited(), ...env },
        handleSIGINT: false,
        handleSIGTERM: false,
        handleSIGHUP: false,
        protocolTimeout: 120_000,
        timeout: 20_000,
      })
    } catch (error) {
      failure = error
    }
  }
  const reason = failure instanceof Error ? (failure.message.split('\n')[0] ?? '').slice(0, 200) : 'it does not start'
  throw new PdfUnavailable({ reason: `the browser that draws them does not start (${reason})` }, { cause: failure })
}

/** The browser gets nothing of our environment that could hold a secret. */
function inherited(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH', 'XDG_CACHE_HOME']
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] as string]])))
}

function holdProcess(browser: Browser, hold: boolean): void {
  const child = browser.process()
  if (!child) return
  for (const one of [child, ...child.stdio]) {
    const handle = one as { ref?: () => void; unref?: () => void } | null
    if (hold) handle?.ref?.()
    else handle?.unref?.()
  }
}
