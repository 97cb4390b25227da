import { ensureInstalled, runPinned } from './runtime.mjs'

ensureInstalled()
await runPinned('server/start-sample.ts')
