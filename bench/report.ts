import { cpus, loadavg, totalmem } from 'node:os'
import { DatabaseSync } from 'node:sqlite'

export type Engine = 'sqlite' | 'postgres' | 'mariadb'

/** One line of the result. */
export interface Finding {
  readonly engine: Engine
  readonly what: string
  readonly unit: string
  readonly ours: number
  /** What it is compared with; for `ratio` the divisor. */
  readonly floor?: number
  /** What is promised; absent: nothing. */
  readonly limit?: number | undefined
  /** What the limit is about: ours divided by the floor, or ours alone. */
  readonly compares: 'ratio' | 'at least' | 'at most'
}

/** Whether the promise is kept; undefined where nothing was promised. */
export function isKept({ ours, floor, limit, compares }: Finding): boolean | undefined {
  if (limit === undefined) return undefined
  if (compares === 'at least') return ours >= limit
  return (compares === 'ratio' ? ours / (floor ?? Number.NaN) : ours) <= limit
}

const headings = ['', 'unit', 'ours', 'compared with', 'ratio', 'target', '']

function cells(finding: Finding): string[] {
  const { what, unit, ours, floor, limit, compares } = finding
  const kept = isKept(finding)
  const target = limit === undefined ? '' : compares === 'ratio' ? `≤ ${limit}×` : `${compares === 'at least' ? '≥' : '≤'} ${limit}`
  const verdict = kept === undefined ? '' : kept ? 'ok' : 'over'
  return [
    what,
    unit,
    shown(ours),
    floor === undefined ? '' : shown(floor),
    floor === undefined ? '' : `${(ours / floor).toFixed(2)}×`,
    target,
    verdict,
  ]
}

function shown(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3)
}

/** The findings of one engine as a table for the terminal. */
export function asText(findings: readonly Finding[]): string {
  const rows = [headings, ...findings.map(cells)]
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column < 2 || column === headings.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Everything as a page of docs/bench. @param effort what was run, in words */
export function asMarkdown(byEngine: ReadonlyMap<string, readonly Finding[]>, effort: string, postgres: string | undefined): string {
  const parts = [
    '# Speed of the kernel',
    `Measured on ${today()} by \`npm run bench\`: ${effort}. ${machine(postgres)}`,
    'CPU is what the server process used per request, all threads, medians of rounds that took turns with the floor. The floor is a bare Fastify with hand-written, prepared SQL on the same rows, in a process of the same shape; it knows no users, rights, checks, history or audit. Ours answers somebody who is confined to one of 20 organisations, may not see level 1, and signs each request with an API key. Ratios stand whatever else runs on the machine; what is counted by the clock (creates per second, start) does not.',
  ]
  for (const [engine, findings] of byEngine) parts.push(`## ${engine}`, markdownTable(findings))
  return `${parts.join('\n\n')}\n`
}

function markdownTable(findings: readonly Finding[]): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  return [line(headings), line(headings.map((_, column) => (column < 2 ? '---' : '--:'))), ...findings.map((one) => line(cells(one)))].join(
    '\n',
  )
}

function machine(postgres: string | undefined): string {
  const cores = cpus()
  const sqlite = new DatabaseSync(':memory:').prepare('select sqlite_version() as version').get() as { version: string }
  const engines = [`SQLite ${sqlite.version}`, ...(postgres ? [`PostgreSQL ${postgres}`] : [])].join(', ')
  const load = (loadavg()[1] ?? 0).toFixed(1)
  return `Machine: ${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 1e9)} GB of memory, Node ${process.versions.node}, ${engines}; ${load} processes wanted to run on average meanwhile.`
}

/** The day in UTC, as the file is named. */
export function today(): string {
  return new Date().toISOString().slice(0, 10)
}
