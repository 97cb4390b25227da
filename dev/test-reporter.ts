import { basename, relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

/** The type declarations of the runner forget `failed`, which it always gives. */
interface Counts {
  passed: number
  failed?: number
  cancelled: number
  skipped: number
}

/**
 * Prints one line per test file, every failure in full where it happens and again by name at the end, and last the runner's totals.
 * A test file in which no test ran is a failure: it proves nothing and looks as if it did.
 */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const path: string[] = []
  const failures: string[] = []
  let totals = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 }
  let empty = 0
  let milliseconds = 0

  for await (const event of events) {
    if (!event.data) continue
    const file = 'file' in event.data && event.data.file ? relative(process.cwd(), event.data.file) : ''

    switch (event.type) {
      case 'test:start':
        path.length = event.data.nesting
        path[event.data.nesting] = event.data.name
        break
      case 'test:pass': {
        if (!isWholeFile(event.data)) break
        const message = `${file}: no test ran in this file`
        failures.push(message)
        empty += 1
        process.exitCode = 1
        yield `✗ ${message}\n`
        break
      }
      case 'test:fail': {
        const error = event.data.details.error
        // A parent of failed tests says nothing that they have not said; what is still to do may fail.
        if (Reflect.get(error, 'failureType') === 'subtestsFailed' || event.data.todo !== undefined) break
        const place = `${file}${event.data.line ? `:${event.data.line}` : ''}`
        const name = isWholeFile(event.data)
          ? 'the file itself failed'
          : [...path.slice(0, event.data.nesting), event.data.name].join(' › ')
        failures.push(`${place}: ${name}`)
        yield `✗ ${place}: ${name}\n${indent(explain(error))}\n`
        break
      }
      case 'test:stderr':
      case 'test:stdout':
        yield event.data.message
        break
      case 'test:interrupted':
        for (const { name } of event.data.tests) failures.push(`${name}: still running when the run was ended`)
        break
      case 'test:summary':
        if (file) yield `${event.data.success ? '✓' : '✗'} ${file} ${line(event.data.counts, event.data.duration_ms)}\n`
        else {
          totals = { ...totals, ...event.data.counts }
          milliseconds = event.data.duration_ms
        }
        break
    }
  }

  if (failures.length > 0) yield `\nFailed:\n${failures.map((failure) => `  ${failure}\n`).join('')}`
  totals.passed -= empty
  totals.failed += empty
  yield `
# tests ${totals.tests}
# suites ${totals.suites}
# pass ${totals.passed}
# fail ${totals.failed}
# cancelled ${totals.cancelled}
# skipped ${totals.skipped}
# todo ${totals.todo}
# duration_ms ${Math.round(milliseconds)}
${totals.passed} passed, ${totals.failed + totals.cancelled} failed
`
}

/** The runner reports a file as a test of its own when it ended badly or held no tests. */
function isWholeFile(test: { name: string; nesting: number; file?: string | undefined }): boolean {
  return test.nesting === 0 && test.file !== undefined && basename(test.name) === basename(test.file)
}

function line({ passed, failed = 0, cancelled, skipped }: Counts, milliseconds: number): string {
  const parts = [`${passed} passed`, failed + cancelled > 0 && `${failed + cancelled} failed`, skipped > 0 && `${skipped} skipped`]
  return `${parts.filter(Boolean).join(', ')} (${(milliseconds / 1000).toFixed(1)} s)`
}

function explain(error: Error): string {
  const signal: unknown = Reflect.get(error, 'signal')
  const exitCode: unknown = Reflect.get(error, 'exitCode')
  if (signal) return `its process was ended by ${signal}`
  if (exitCode) return `its process ended with exit code ${exitCode}`
  return inspect(error.cause ?? error, { colors: process.stdout.isTTY })
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}
