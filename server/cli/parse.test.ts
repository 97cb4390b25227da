import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allCommands } from './all-commands.ts'
import { BadUsage, UnknownCommand, UnknownOption } from './errors.ts'
import { helpFor, helpForAll } from './help.ts'
import { parseCommandLine } from './parse.ts'

const parse = (line: string) => parseCommandLine(line.split(' ').filter(Boolean), allCommands)
const isError = (kind: { is(error: unknown): boolean }, text: RegExp) => (error: unknown) =>
  kind.is(error) && text.test((error as Error).message)

test('words and options are found in any order', () => {
  const { command, words, options, switches } = parse('new-site a.example.com --db-type sqlite --json --admin-password=-x')
  assert.equal(command?.name, 'new-site')
  assert.deepEqual(words, { HOST: ['a.example.com'] })
  assert.deepEqual(options, { 'db-type': ['sqlite'], 'admin-password': ['-x'] })
  assert.deepEqual([...switches], ['json'])
})

test('an option that takes many takes the words after it, whether the argument stands before or behind', () => {
  assert.deepEqual(parse('new-site a.test --install-app one two --json').options, { 'install-app': ['one', 'two'] })
  const behind = parse('new-site --install-app one --install-app two a.test')
  assert.deepEqual([behind.options['install-app'], behind.words.HOST], [['one', 'two'], ['a.test']])
})

test('common options may stand before the command', () => {
  const { command, options, switches } = parse('--site a.test --json migrate --plan')
  assert.equal(command?.name, 'migrate')
  assert.deepEqual([options.site, switches.has('json'), switches.has('plan')], [['a.test'], true, true])
})

test('a command of two words is one command, and takes many paths', () => {
  assert.deepEqual(parse('doctype check a b c').words, { PATH: ['a', 'b', 'c'] })
})

test('a mistyped command or option is refused with what was probably meant', () => {
  assert.throws(() => parse('mirgate'), isError(UnknownCommand, /Did you mean "migrate"/))
  assert.throws(() => parse('doctype chek x'), isError(UnknownCommand, /Did you mean "doctype check"/))
  assert.throws(() => parse('new-site x --admin-pasword y'), isError(UnknownOption, /Did you mean --admin-password/))
  assert.throws(() => parse('zzzzzz'), isError(UnknownCommand, /There is no command "zzzzzz"\. "orc/))
})

test('what is missing, given twice, empty or of no use is named', () => {
  assert.throws(() => parse('new-site'), isError(BadUsage, /new-site needs HOST/))
  assert.throws(() => parse('new-site a b'), isError(BadUsage, /no use for "b"/))
  assert.throws(() => parse('new-site a --db-url'), isError(BadUsage, /--db-url needs a value/))
  assert.throws(() => parse('new-site a --db-url --json'), isError(BadUsage, /--db-url needs a value/))
  assert.throws(() => parse('execute m --kwargs {} --kwargs {}'), isError(BadUsage, /given twice/))
  assert.throws(() => parse('migrate --plan=yes'), isError(BadUsage, /takes no value/))
})

test('names that every object has are no options', () => {
  for (const name of ['constructor', '__proto__', 'toString']) assert.throws(() => parse(`migrate --${name}`), UnknownOption.is)
})

test('every command has an example that it can parse itself, and help that shows it', () => {
  assert.equal(new Set(allCommands.map(({ name }) => name)).size, allCommands.length)
  for (const command of allCommands) {
    const [, line = ''] = /orc (.*?)(?: <.*)?$/.exec(command.example) ?? []
    const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain ?? '')
    assert.equal(parseCommandLine(words, allCommands).command, command, command.example)
    assert.ok(helpFor(command).includes(command.example))
    assert.ok(helpForAll(allCommands).includes(command.summary))
  }
})
