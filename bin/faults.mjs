import { ensureInstalled, runPinned } from './runtime.mjs'

ensureInstalled({ dev: true })
await runPinned('dev/faults.ts')
