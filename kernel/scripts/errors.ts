import { defineError } from '#client/rules/errors.ts'

/** A fault in what somebody wrote; the line is counted from 1, 0 where nobody can tell. */
export const ScriptFailed = defineError<{ script: string; line: number; reason: string }>({
  code: 'scripts/failed',
  status: 500,
  excType: 'ServerScriptError',
  message: (d) => `The script "${d.script}" failed${d.line > 0 ? ` on line ${d.line}` : ''}: ${d.reason}`,
})

/** What a script says no to on purpose; people read its own words. */
export const ScriptRefused = defineError<{ script: string; line: number; reason: string; title: string }>({
  code: 'scripts/refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => d.reason,
})

export const ScriptTimedOut = defineError<{ script: string; reason: string }>({
  code: 'scripts/timed-out',
  status: 500,
  excType: 'ServerScriptError',
  message: (d) => `The script "${d.script}" was ended: ${d.reason}`,
})

export const ScriptOutOfMemory = defineError<{ script: string; reason: string }>({
  code: 'scripts/out-of-memory',
  status: 500,
  excType: 'ServerScriptError',
  message: (d) => `The script "${d.script}" was ended: ${d.reason}`,
})

export const ScriptsBusy = defineError<{ running: number }>({
  code: 'scripts/busy',
  status: 503,
  excType: 'ServiceUnavailableError',
  message: (d) => `${d.running} scripts are running already; try again in a moment.`,
})

export const ScriptsNested = defineError<{ script: string; depth: number }>({
  code: 'scripts/nested',
  status: 500,
  excType: 'ServerScriptError',
  message: (d) => `The script "${d.script}" was not run: scripts have set each other off ${d.depth} deep.`,
})

export const ScriptInvalid = defineError<{ field: string; reason: string }>({
  code: 'scripts/invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

export const ScriptsForbidden = defineError<{ reason: string }>({
  code: 'scripts/forbidden',
  status: 403,
  excType: 'ServerScriptNotEnabled',
  message: (d) => d.reason,
})
