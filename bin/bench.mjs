import { ensureInstalled, runPinned } from './runtime.mjs'

ensureInstalled()
await runPinned('bench/main.ts')
