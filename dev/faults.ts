// npm run faults -- [--minutes N] [--seed S] [--database sqlite|postgres|mariadb] [--queue database|redis] [--verbose]
import { parseArgs } from 'node:util'
import { type FaultResult, type FaultRun, isPossible, runFaults } from '#testing/faults/run-faults.ts'

const usage =
  'Usage: npm run faults -- [--minutes N] [--seed S] [--database sqlite|postgres|mariadb] [--queue database|redis] [--verbose]\n'
const databases = ['sqlite', 'postgres', 'mariadb'] as const
const queues = ['database', 'redis'] as const

const { values } = readLine()
const minutes = Number(values.minutes ?? 1)
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed)
const database = values.database as FaultRun['database'] | undefined
const queue = values.queue as FaultRun['queue'] | undefined
if (!(minutes > 0) || !Number.isInteger(seed) || (database && !databases.includes(database)) || (queue && !queues.includes(queue))) refuse()

/** Each database once; the one on PostgreSQL with Redis, so that every part has its turn. */
const worlds: Pick<FaultRun, 'database' | 'queue'>[] = database
  ? [{ database, queue: queue ?? 'database' }]
  : databases.map((name) => ({ database: name, queue: queue ?? (name === 'postgres' ? 'redis' : 'database') }))

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

let failures = 0
let struck = 0
for (const world of worlds) {
  const name = `${world.database}, queue in ${world.queue === 'redis' ? 'Redis' : 'the database'}`
  if (!isPossible(world)) {
    process.stdout.write(`${name}: its servers are not installed here ("dev/services start" installs them)\n`)
    if (process.env.CI === 'true' || database) failures++
    continue
  }
  const started = Date.now()
  process.stdout.write(`\n${name}: ${minutes} min of faults, seed ${seed}\n`)
  const note = (text: string) => {
    if (values.verbose) process.stdout.write(`  ${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}\n`)
  }
  const result = await runFaults({ ...world, minutes, seed, note })
  failures += tell(result, seed)
  struck += [...result.struck.values()].reduce((sum, n) => sum + n, 0)
}
process.stdout.write(`\nfaults ${struck}, violations ${failures}\n`)
if (failures > 0)
  process.stdout.write(`Repeat it: npm run faults -- --seed ${seed} --minutes ${minutes}${database ? ` --database ${database}` : ''}\n`)
process.exit(failures > 0 ? 1 : 0)

/** Prints what was done and what came of it. @returns how many violations there were */
function tell({ struck: counts, figures, verdicts, proven, overlooked, folder }: FaultResult, ofSeed: number): number {
  const lines = ['  faults']
  for (const [what, n] of [...counts].sort()) lines.push(`    ${String(n).padStart(5)}  ${what}`)
  lines.push('  what was going on')
  for (const [what, n] of Object.entries(figures)) lines.push(`    ${String(n).padStart(5)}  ${what}`)
  lines.push('  rules')
  for (const { rule, violations } of verdicts) {
    lines.push(`    ${violations.length === 0 ? '✓' : '✗'} ${rule.id.padEnd(4)} ${rule.promise}`)
    for (const violation of violations.slice(0, 20)) lines.push(`           ${violation}`)
    if (violations.length > 20) lines.push(`           … and ${violations.length - 20} more`)
  }
  lines.push(
    `    ${overlooked.length === 0 ? '✓' : '✗'} the rules found ${proven} of ${proven + overlooked.length} violations that were planted`,
  )
  for (const what of overlooked) lines.push(`           overlooked ${what}`)
  const violations = verdicts.reduce((sum, verdict) => sum + verdict.violations.length, 0) + overlooked.length
  if (violations > 0) lines.push(`  seed ${ofSeed}; the logs of the processes are in ${folder}`)
  process.stdout.write(`${lines.join('\n')}\n`)
  return violations
}

function readLine() {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        database: { type: 'string' },
        queue: { type: 'string' },
        verbose: { type: 'boolean' },
      },
    })
  } catch {
    return refuse()
  }
}

function refuse(): never {
  process.stderr.write(usage)
  process.exit(2)
}
