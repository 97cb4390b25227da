/** The process in which query reports read a site's SQLite file; started by sqlite-runner.ts, which ends it when it takes too long. */
import { constants, DatabaseSync } from 'node:sqlite'
import { isMainThread, Worker } from 'node:worker_threads'
import { Decimal } from '#client/rules/decimal.ts'
import type { Row } from '#kernel/database/database.ts'
import { registerFunctions } from '#kernel/database/sqlite/functions.ts'
import type { SqliteQuestion, SqliteReply } from './sqlite-runner.ts'

/** Characters of text that one answer may hold. */
const mostText = 100_000_000

let open: { file: string; database: DatabaseSync } | undefined

if (isMainThread) {
  process.on('message', (question: SqliteQuestion) => void process.send?.(answer(question)))
  process.on('disconnect', () => process.exit(0))
  new Worker(new URL(import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: 16 } })
} else watchParent(process.ppid)

/** A statement keeps this process from hearing that the one which started it was killed; a thread beside looks, and ends it. */
function watchParent(parent: number): void {
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
  }, 1000)
}

function answer({ file, query, rows: most }: SqliteQuestion): SqliteReply {
  try {
    const rows: Row[] = []
    let text = 0
    for (const row of databaseOf(file)
      .prepare(query.sql)
      .iterate(...(query.parameters as never[])) as Iterable<Row>) {
      rows.push({ ...row })
      for (const value of Object.values(row)) if (typeof value === 'string') text += value.length
      if (text > mostText) return { tooLarge: true }
      if (rows.length >= most) break
    }
    return { rows }
  } catch (error) {
    return { failure: (error as Error).message }
  }
}

function databaseOf(file: string): DatabaseSync {
  if (open?.file === file) return open.database
  open?.database.close()
  const database = new DatabaseSync(file, {
    readOnly: true,
    allowExtension: false,
    enableForeignKeyConstraints: false,
    enableDoubleQuotedStringLiterals: false,
    timeout: 5000,
  })
  database.exec('pragma query_only=1; pragma temp_store=memory; pragma trusted_schema=0; pragma hard_heap_limit=268435456')
  registerFunctions(database)
  registerTotals(database)
  // The printed statement reads and computes; whatever else it might be made to do is refused before it runs.
  const allowed: ReadonlySet<number> = new Set([
    constants.SQLITE_SELECT,
    constants.SQLITE_READ,
    constants.SQLITE_FUNCTION,
    constants.SQLITE_RECURSIVE,
  ])
  database.setAuthorizer((action) => (allowed.has(action) ? constants.SQLITE_OK : constants.SQLITE_DENY))
  open = { file, database }
  return database
}

interface Tally {
  sum: Decimal
  count: number
}

/** Sums of numbers as people write them: 0.1 and 0.2 make 0.3, as on the engines that keep decimals. */
function registerTotals(database: DatabaseSync): void {
  const tally = {
    start: (() => ({ sum: Decimal.zero, count: 0 })) as never,
    step: ((tally: Tally, value: unknown) => {
      if (typeof value !== 'number' || !Number.isFinite(value)) return tally
      tally.sum = tally.sum.plus(value)
      tally.count++
      return tally
    }) as never,
  }
  const number = (value: Decimal): number => value.toNumber()
  database.aggregate('exact_sum', { ...tally, result: (({ sum, count }: Tally) => (count === 0 ? null : number(sum))) as never })
  database.aggregate('exact_avg', {
    ...tally,
    result: (({ sum, count }: Tally) => (count === 0 ? null : number(sum.dividedBy(count, 9)))) as never,
  })
}
