// Starts PostgreSQL, MariaDB, Redis, Dovecot and Exim for the tests, as this checkout's own: free loopback ports, fresh passwords, no service manager.
// Plain JavaScript without packages, for Node 18 and later: it runs beside the first installation.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const home = join(fileURLToPath(new URL('..', import.meta.url)), '.services')
const stateFile = join(home, 'state.json')
const envFile = join(home, 'env')
const isRoot = process.getuid?.() === 0
const debianFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** One entry per server: what it needs, how to start it in `folder`, and whether it has finished starting. */
const services = {
  postgres: {
    program: 'postgres',
    package: 'postgresql',
    account: 'postgres',
    url: ({ port, password }) => `postgres://orc:${password}@127.0.0.1:${port}/postgres`,
    pidFile: 'data/postmaster.pid',
    start: startPostgres,
    // The eighth line tells the state; before "ready" the port accepts connections only to refuse them.
    isReady: async ({ folder }) => readLines(join(folder, 'data/postmaster.pid'))[7]?.trim() === 'ready',
    stopSignal: 'SIGINT',
  },
  mariadb: {
    program: 'mariadbd',
    package: 'mariadb-server',
    account: 'mysql',
    url: ({ port, password }) => `mysql://orc:${password}@127.0.0.1:${port}/orc`,
    pidFile: 'server.pid',
    start: startMariadb,
    isReady: ({ port }) => accepts(port),
    stopSignal: 'SIGTERM',
  },
  redis: {
    program: 'redis-server',
    package: 'redis-server',
    account: 'redis',
    url: ({ port, password }) => `redis://:${password}@127.0.0.1:${port}/0`,
    pidFile: 'server.pid',
    start: startRedis,
    isReady: ({ port }) => accepts(port),
    stopSignal: 'SIGTERM',
  },
  imap: {
    program: 'dovecot',
    package: 'dovecot-imapd',
    account: 'mail',
    // Whatever mailbox somebody asks for is there, with this password.
    url: ({ port, password }) => `imap://any:${password}@127.0.0.1:${port}`,
    pidFile: 'run/master.pid',
    start: startImap,
    isReady: ({ port }) => accepts(port),
    stopSignal: 'SIGTERM',
  },
  smtp: {
    program: 'exim4',
    package: 'exim4-daemon-light',
    account: 'mail',
    // Mail to anybody at mail.test lies in the mailbox of that name; mail to anywhere else is refused.
    url: ({ port, password }) => `smtp://orc:${password}@127.0.0.1:${port}`,
    pidFile: 'server.pid',
    start: startSmtp,
    isReady: ({ port }) => accepts(port),
    stopSignal: 'SIGTERM',
  },
  // Half a gigabyte of memory and half a minute: only for those who ask for it, with Maven and Java 17 of their own.
  opensearch: {
    isOptional: true,
    program: 'java',
    package: 'openjdk-17-jdk-headless maven',
    account: 'nobody',
    url: ({ port }) => `http://127.0.0.1:${port}`,
    pidFile: 'server.pid',
    start: startOpenSearch,
    isReady: ({ port }) => accepts(port),
    patience: 120_000,
    stopSignal: 'SIGTERM',
  },
}

const commands = { start, stop, status, env }
const command = commands[process.argv[2] ?? '']
const options = process.argv.slice(3)
if (!command || options.some((option) => command !== start || option !== '--with-opensearch')) {
  process.stderr.write('Usage: dev/services start [--with-opensearch]|stop|status|env\n')
  process.exit(2)
}
try {
  await command()
} catch (error) {
  process.stderr.write(`dev/services: ${error.message}\n`)
  process.exit(1)
}

/** Starts what is not running yet and prints the lines that `env` prints. */
async function start() {
  await installMissing()
  await withLock(async () => {
    const state = readState() ?? { base: chooseBase(), servers: {} }
    const outcomes = await Promise.allSettled(wantedNames(state).map((name) => startOne(name, state)))
    // Written even when one failed, so that `stop` finds the others.
    writePrivate(stateFile, `${JSON.stringify(state, null, 2)}\n`)
    writePrivate(envFile, exportsOf(state))
    const failure = outcomes.find(({ status }) => status === 'rejected')
    if (failure) throw failure.reason
  })
  process.stdout.write(exportsOf(readState()))
}

/** All servers but those that nobody has asked for, now or before. */
function wantedNames(state) {
  return Object.keys(services).filter(
    (name) => !services[name].isOptional || options.includes(`--with-${name}`) || state?.servers[name] !== undefined,
  )
}

/** Stops the servers and deletes their data and passwords. */
async function stop() {
  await withLock(async () => {
    const state = readState()
    if (!state) return
    await Promise.all(Object.entries(services).map(([name, service]) => stopOne(service, join(state.base, name))))
    fs.rmSync(state.base, { recursive: true, force: true })
  })
  fs.rmSync(home, { recursive: true, force: true })
}

/** Prints one line per server; ends with 1 unless all are running. */
async function status() {
  const state = readState()
  for (const name of wantedNames(state)) {
    const service = services[name]
    const server = state?.servers[name]
    const isUp = server && (await isRunning(name, state.base, server))
    process.stdout.write(
      `${name.padEnd(9)} ${isUp ? `running on port ${server.port}` : 'stopped'}${findProgram(service.program) ? '' : ` (${service.package} is not installed)`}\n`,
    )
    if (!isUp) process.exitCode = 1
  }
}

/** Prints `export NAME='url'` lines for a shell to evaluate. */
async function env() {
  const state = readState()
  if (!state) throw new Error('nothing is running; run "dev/services start" first.')
  process.stdout.write(exportsOf(state))
}

function exportsOf(state) {
  return Object.entries(services)
    .filter(([name]) => state.servers[name])
    .map(([name, service]) => `export ORC_TEST_${name.toUpperCase()}_URL='${service.url(state.servers[name])}'\n`)
    .join('')
}

async function startOne(name, state) {
  const service = services[name]
  const folder = join(state.base, name)
  const known = state.servers[name]
  if (known && (await isRunning(name, state.base, known))) return
  // Nothing of a server that died is worth keeping: test data is made anew by every test.
  await stopOne(service, folder)
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  delete state.servers[name]
  const owner = ownerFor(service.account)
  if (owner) fs.chownSync(folder, owner.uid, owner.gid)
  const port = known && (await isFree(known.port)) ? known.port : await freePort()
  const server = { port, password: known?.password ?? randomBytes(18).toString('hex') }
  const log = join(folder, 'server.log')
  try {
    service.start({ ...server, folder, owner, log })
    await until(() => isRunning(name, state.base, server), service.patience ?? 30_000)
  } catch (error) {
    throw new Error(`${name} did not start: ${error.message}\n${readLines(log).slice(-15).join('\n')}`)
  }
  state.servers[name] = server
}

async function stopOne(service, folder) {
  const pid = pidOf(service, folder)
  if (!pid) return
  process.kill(pid, service.stopSignal)
  try {
    await until(() => !pidOf(service, folder), 10_000)
  } catch {
    process.kill(pid, 'SIGKILL')
  }
}

function startPostgres({ port, password, folder, owner, log }) {
  const passwordFile = join(folder, 'password')
  writePrivate(passwordFile, password, owner)
  const data = join(folder, 'data')
  run(
    'initdb',
    ['-D', data, '-U', 'orc', '-E', 'UTF8', '--locale=C.UTF-8', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync'],
    { owner, folder },
  )
  fs.rmSync(passwordFile)
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '64MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
  }
  launch('postgres', ['-D', data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])], { owner, folder, log })
}

function startMariadb({ port, password, folder, owner, log }) {
  const data = join(folder, 'data')
  // Only an account with the password can enter over the network; root enters over the socket in this private folder.
  run(
    'mariadb-install-db',
    ['--no-defaults', `--datadir=${data}`, '--skip-test-db', '--auth-root-authentication-method=socket', '--innodb-log-file-size=16M'],
    { owner, folder },
  )
  const accounts = join(folder, 'accounts.sql')
  // Read at the first start and at no other: a stopped server is made anew.
  writePrivate(
    accounts,
    `CREATE USER 'orc'@'%' IDENTIFIED BY '${password}';\nGRANT ALL PRIVILEGES ON *.* TO 'orc'@'%' WITH GRANT OPTION;\nCREATE DATABASE orc;\n`,
    owner,
  )
  launch(
    'mariadbd',
    [
      '--no-defaults',
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 'socket')}`,
      `--pid-file=${join(folder, 'server.pid')}`,
      `--init-file=${accounts}`,
      '--skip-name-resolve',
      '--max-connections=200',
      '--character-set-server=utf8mb4',
      '--default-time-zone=+00:00',
      '--innodb-buffer-pool-size=128M',
      '--innodb-log-file-size=16M',
    ],
    { owner, folder, log },
  )
}

function startRedis({ port, password, folder, owner, log }) {
  const config = join(folder, 'redis.conf')
  writePrivate(
    config,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `requirepass ${password}`,
      `dir ${folder}`,
      `pidfile ${join(folder, 'server.pid')}`,
      'save ""',
      'appendonly no',
      '',
    ].join('\n'),
    owner,
  )
  launch('redis-server', [config], { owner, folder, log })
}

function startImap({ port, password, folder, owner, log }) {
  const account = nameOf(owner)
  const config = join(folder, 'dovecot.conf')
  writePrivate(
    config,
    [
      'protocols = imap',
      'listen = 127.0.0.1',
      `base_dir = ${join(folder, 'run')}`,
      `state_dir = ${join(folder, 'state')}`,
      `default_internal_user = ${account}`,
      `default_login_user = ${account}`,
      `default_internal_group = ${groupOf(owner)}`,
      'log_path = /dev/stderr',
      'ssl = no',
      'disable_plaintext_auth = no',
      'mail_fsync = never',
      `mail_location = maildir:${join(folder, 'mail/%n')}`,
      'first_valid_uid = 1',
      'postmaster_address = postmaster@mail.test',
      `passdb {\n  driver = static\n  args = password=${password}\n}`,
      `userdb {\n  driver = static\n  args = uid=${account} gid=${groupOf(owner)} home=${join(folder, 'mail/%n')}\n}`,
      `service anvil {\n  chroot =\n}`,
      `service imap-login {\n  chroot =\n  inet_listener imap {\n    port = ${port}\n  }\n  inet_listener imaps {\n    port = 0\n  }\n}`,
      'service stats {\n  chroot =\n}',
      '',
    ].join('\n'),
    owner,
  )
  launch('dovecot', ['-F', '-c', config], { owner, folder, log })
}

function startSmtp({ port, password, folder, owner, log }) {
  const account = nameOf(owner)
  const config = join(folder, 'exim.conf')
  const deliver = join(folder, 'deliver')
  // Exim hands nothing of a sender's to a command line, but to the environment.
  fs.writeFileSync(
    deliver,
    `#!/bin/sh\nexec /usr/lib/dovecot/dovecot-lda -c '${join(folder, '../imap/dovecot.conf')}' -f "$SENDER" -d "$LOCAL_PART"\n`,
    { mode: 0o755 },
  )
  writePrivate(
    config,
    `primary_hostname = mail.test
domainlist local_domains = mail.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
spool_directory = ${join(folder, 'spool')}
log_file_path = ${join(folder, 'exim-%slog')}
pid_file_path = ${join(folder, 'server.pid')}
exim_user = ${account}
exim_group = ${groupOf(owner)}
deliver_drop_privilege = true
never_users =
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
auth_advertise_hosts = *
tls_advertise_hosts =
acl_smtp_rcpt = rcpt
acl_smtp_data = data
message_size_limit = 40M
begin acl
rcpt:
  deny    !domains = +local_domains
          message = no such domain here
  defer   local_parts = later
          message = 4.2.0 come back later
  deny    local_parts = nobody
          message = 5.1.1 no such mailbox
  accept  authenticated = *
  deny    message = sign in first
data:
  accept
begin routers
local:
  driver = accept
  domains = +local_domains
  transport = mailbox
begin transports
mailbox:
  driver = pipe
  command = ${deliver}
  user = ${account}
  group = ${groupOf(owner)}
  temp_errors = 64:69:70:71:72:73:74:75:78
  return_path_add
  log_output
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if and {{eq{$auth2}{orc}}{eq{$auth3}{${password}}}}}
  server_set_id = $auth2
`,
    owner,
  )
  launch('exim4', ['-C', config, '-bdf', '-q1m'], { owner, folder, log })
}

function startOpenSearch({ port, folder, owner, log }) {
  const source = fileURLToPath(new URL('opensearch/', import.meta.url))
  const libraries = join(folder, 'lib')
  // As ourselves, so that what Maven has fetched before is used.
  const fetched = spawnSync(
    needProgram('mvn'),
    ['-q', '-B', '-f', join(source, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${libraries}`],
    { cwd: folder, encoding: 'utf8', timeout: 600_000 },
  )
  if (fetched.status !== 0) throw new Error(`Maven could not fetch OpenSearch.\n${fetched.stdout}${fetched.stderr}`)
  const program = join(folder, 'TestNode.java')
  fs.copyFileSync(join(source, 'TestNode.java'), program)
  fs.chmodSync(program, 0o644)
  fs.chmodSync(libraries, 0o755)
  const child = launch('java', ['-Xms256m', '-Xmx512m', '-cp', join(libraries, '*'), program, join(folder, 'data'), String(port)], {
    owner,
    folder,
    log,
  })
  fs.writeFileSync(join(folder, 'server.pid'), `${child.pid}\n`)
}

function nameOf(owner) {
  return execFileSync('id', ['-un', ...(owner ? [String(owner.uid)] : [])], { encoding: 'utf8' }).trim()
}

function groupOf(owner) {
  return execFileSync('id', ['-gn', ...(owner ? [nameOf(owner)] : [])], { encoding: 'utf8' }).trim()
}

/** Runs a program to its end as the server's account. @throws Error with what it printed */
function run(program, args, { owner, folder }) {
  const result = spawnSync(needProgram(program), args, {
    ...owner,
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, HOME: folder },
    timeout: 120_000,
  })
  if (result.error) throw result.error
  if (result.status !== 0) throw new Error(`${program} ended with ${result.status ?? result.signal}\n${result.stdout}${result.stderr}`)
}

/** Starts a server that outlives us, detached from this terminal and its streams. */
function launch(program, args, { owner, folder, log }) {
  const output = fs.openSync(log, 'a')
  const child = spawn(needProgram(program), args, {
    ...owner,
    cwd: folder,
    env: { ...process.env, HOME: folder },
    detached: true,
    stdio: ['ignore', output, output],
  })
  fs.closeSync(output)
  child.on('error', (error) => process.stderr.write(`dev/services: ${program}: ${error.message}\n`))
  child.unref()
  return child
}

async function isRunning(name, base, { port }) {
  const folder = join(base, name)
  return Boolean(pidOf(services[name], folder)) && (await services[name].isReady({ folder, port })) && (await accepts(port))
}

/** The server's process, if the file names one that is alive and really is this server (numbers are used again after a restart of the machine). */
function pidOf(service, folder) {
  const pid = Number(readLines(join(folder, service.pidFile))[0])
  if (!Number.isInteger(pid) || pid <= 1) return undefined
  try {
    process.kill(pid, 0)
  } catch {
    return undefined
  }
  const commandLine = join('/proc', String(pid), 'cmdline')
  if (!fs.existsSync('/proc/self/cmdline')) return pid
  return readLines(commandLine).join('').includes(service.program) ? pid : undefined
}

/** The checkout's own folder, or a private temporary one where a server's account could not get in or socket names would grow too long. */
function chooseBase() {
  fs.chmodSync(home, 0o711)
  const isReachable = !isRoot || Object.values(services).every(({ account }) => canEnter(account, home))
  if (isReachable && home.length < 70) {
    fs.mkdirSync(join(home, 'data'), { recursive: true })
    fs.chmodSync(join(home, 'data'), 0o711)
    return join(home, 'data')
  }
  const base = fs.mkdtempSync(join(tmpdir(), 'orc-services-'))
  fs.chmodSync(base, 0o711)
  return base
}

function canEnter(account, folder) {
  return spawnSync('test', ['-x', folder], { ...ownerFor(account), cwd: '/' }).status === 0
}

/** Servers refuse to be root; a developer's own account runs them as itself. */
function ownerFor(account) {
  if (!isRoot) return undefined
  const number = (flag) => Number(execFileSync('id', [flag, account], { encoding: 'utf8' }))
  return { uid: number('-u'), gid: number('-g') }
}

async function installMissing() {
  const missing = wantedNames(readState())
    .map((name) => services[name])
    .filter(({ program }) => !findProgram(program))
    .map((service) => service.package)
  if (missing.length === 0) return
  const manual = `apt-get install ${missing.join(' ')}`
  if (!isRoot || !findProgram('apt-get')) throw new Error(`${missing.join(', ')} must be installed first, by root: ${manual}`)
  process.stderr.write(`Installing ${missing.join(', ')} …\n`)
  // Debian would start each server on its usual port at once; this answer of the policy file keeps them down.
  const policy = '/usr/sbin/policy-rc.d'
  const isOurs = !fs.existsSync(policy)
  if (isOurs) fs.writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const apt = (...args) =>
      spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], {
        encoding: 'utf8',
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      })
    const install = () => apt('install', '-y', '--no-install-recommends', ...missing)
    let result = install()
    if (result.status !== 0) {
      apt('update')
      result = install()
    }
    if (result.status !== 0) throw new Error(`"${manual}" failed:\n${result.stderr}`)
  } finally {
    if (isOurs) fs.rmSync(policy, { force: true })
  }
}

function findProgram(name) {
  const versions = '/usr/lib/postgresql'
  const postgres = fs.existsSync(versions)
    ? fs
        .readdirSync(versions)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(versions, version, 'bin'))
    : []
  return [...postgres, ...(process.env.PATH ?? '').split(':'), ...debianFolders].map((folder) => join(folder, name)).find(isExecutable)
}

function needProgram(name) {
  const path = findProgram(name)
  if (!path) throw new Error(`${name} is not installed.`)
  return path
}

function isExecutable(path) {
  try {
    fs.accessSync(path, fs.constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Lets one call work at a time: two terminals, or several test runs, may start the servers at once. */
async function withLock(work) {
  fs.mkdirSync(home, { recursive: true })
  const lock = join(home, 'lock')
  await until(() => takeLock(lock), 120_000)
  try {
    await work()
  } finally {
    fs.rmSync(lock, { force: true })
  }
}

function takeLock(lock) {
  try {
    fs.mkdirSync(home, { recursive: true })
    fs.writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const holder = Number(readLines(lock)[0])
    const isStale = fs.existsSync(lock) && Date.now() - fs.statSync(lock).mtimeMs > 1000 && !isAlive(holder)
    if (isStale) fs.rmSync(lock, { force: true })
    return false
  }
}

function isAlive(pid) {
  try {
    return pid > 1 && process.kill(pid, 0)
  } catch {
    return false
  }
}

function readState() {
  return fs.existsSync(stateFile) ? JSON.parse(fs.readFileSync(stateFile, 'utf8')) : undefined
}

/** Written beside and renamed, so that a reader never sees half a file. */
function writePrivate(path, text, owner) {
  fs.writeFileSync(`${path}.new`, text, { mode: 0o600 })
  if (owner) fs.chownSync(`${path}.new`, owner.uid, owner.gid)
  fs.renameSync(`${path}.new`, path)
}

function readLines(path) {
  try {
    return fs.readFileSync(path, 'utf8').split('\n')
  } catch {
    return []
  }
}

function accepts(port) {
  return new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1000 })
    const finish = (answer) => done(socket.destroy() && answer)
    socket
      .on('connect', () => finish(true))
      .on('error', () => finish(false))
      .on('timeout', () => finish(false))
  })
}

function freePort() {
  return new Promise((done, refuse) => {
    const server = createServer().on('error', refuse)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })
}

function isFree(port) {
  return new Promise((done) => {
    const server = createServer().on('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
}

async function until(condition, milliseconds) {
  const deadline = Date.now() + milliseconds
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`gave up after ${milliseconds / 1000} s`)
    await new Promise((wake) => setTimeout(wake, 50))
  }
}
