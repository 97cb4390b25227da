#!/usr/bin/env node
import { runPinned } from './runtime.mjs'

await runPinned('server/cli/main.ts')
