// npm run check: what must hold for every change, besides the tests.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = ['apps', 'bench', 'bin', 'client', 'dev', 'kernel', 'server', 'testing'].filter((folder) => existsSync(join(root, folder)))

/** A step passes when it returns no complaint. A longer list is cut: the first lines are those to mend first. */
type Step = [title: string, run: () => string[]]

const steps: Step[] = [
  ['types', () => program('node_modules/ts7/bin/tsc', '-p', '.')],
  ['lint and format', () => program('node_modules/@biomejs/biome/bin/biome', 'ci', '--colors=off', '--max-diagnostics=200', '.')],
  [
    'layers and circles',
    () =>
      program(
        'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
        '--config',
        '.dependency-cruiser.mjs',
        '--output-type',
        'err',
        ...sources,
      ),
  ],
  ['dead code', () => program('node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints')],
  ['docs in step with the code', () => (existsSync(join(root, 'dev/docs.ts')) ? program('dev/docs.ts', '--check') : [])],
  ['no trace of a machine', tracesOfMachines],
  ['lock file', lockFileComplaints],
]

let failed = 0
for (const [title, run] of steps) {
  const started = performance.now()
  const complaints = run()
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(
    `${complaints.length > 0 ? '✗' : '✓'} ${title} (${seconds} s)\n${complaints.map((text) => `    ${text}\n`).join('')}`,
  )
  if (complaints.length > 0) failed += 1
}
process.stdout.write(failed > 0 ? `\n${failed} of ${steps.length} checks failed.\n` : `\nAll ${steps.length} checks passed.\n`)
process.exitCode = failed > 0 ? 1 : 0

/** What a script prints when it ends with an error; nothing when it succeeds. */
function program(script: string, ...args: string[]): string[] {
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: { ...process.env, NO_COLOR: '1' },
  })
  if (result.status === 0) return []
  const lines = `${result.stdout}${result.stderr}`.split('\n').filter((line) => line.trim() !== '')
  const shown = lines.slice(0, 400)
  if (shown.length < lines.length) shown.push(`… and ${lines.length - shown.length} lines more`)
  return [...shown, `${script} ended with ${result.status ?? result.signal ?? result.error?.message}`]
}

/** Folders of somebody's machine and addresses of somebody's package registry: both work on that machine only. */
function tracesOfMachines(): string[] {
  const traces: [RegExp, string][] = [
    [/(?<![\w.~:/-])\/(?:work|root|home\/\w+|Users\/\w+)\/[\w.-]/, 'a folder of one machine'],
    [/\/\/[\w.-]*(?:registry|npmjs|artifactory|nexus|verdaccio|npmmirror)[\w-]*\.[a-z]/i, 'the address of a package registry'],
    [/^\s*(?:@[\w-]+:)?registry\s*=/im, 'the setting of a package registry'],
  ]
  return projectFiles().flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    if (text.includes('\0')) return []
    return text
      .split('\n')
      .flatMap((line, index) => traces.filter(([trace]) => trace.test(line)).map(([, what]) => `${file}:${index + 1}: ${what}`))
  })
}

/** All files that are or will be in the repository; without one (an unpacked archive), all files of the source folders. */
function projectFiles(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      stdio: 'pipe',
      maxBuffer: 64 << 20,
    })
    return listed.split('\0').filter((file) => file !== '' && statSync(join(root, file), { throwIfNoEntry: false })?.isFile())
  } catch {
    return globSync(`{${sources.join(',')}}/**/*.*`, { cwd: root })
  }
}

interface LockEntry {
  version?: string
  resolved?: string
  integrity?: string
  link?: boolean
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

/** The lock file says what package.json says, names no registry, and carries a checksum for every package. */
function lockFileComplaints(): string[] {
  const manifest: LockEntry = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const lock: { packages: Record<string, LockEntry> } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const complaints: string[] = []
  for (const group of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
    const wanted = manifest[group] ?? {}
    const locked = lock.packages['']?.[group] ?? {}
    for (const name of new Set([...Object.keys(wanted), ...Object.keys(locked)])) {
      if (wanted[name] !== locked[name])
        complaints.push(`${name}: package.json has ${wanted[name] ?? 'nothing'}, package-lock.json ${locked[name] ?? 'nothing'}`)
      if (wanted[name] && !lock.packages[`node_modules/${name}`]) complaints.push(`${name}: missing from package-lock.json`)
      if (wanted[name] && !/^(?:npm:.+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(wanted[name]))
        complaints.push(`${name}: ${wanted[name]} is not an exact version`)
    }
  }
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (entry.resolved) complaints.push(`${path}: "resolved" names a registry`)
    if (path !== '' && !entry.link && !entry.integrity) complaints.push(`${path}: has no checksum`)
  }
  return complaints
}
