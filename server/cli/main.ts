import { Console } from 'node:console'
import { run } from './run.ts'

// Whatever an app prints with console.log goes beside the result, which has standard output for itself.
globalThis.console = new Console(process.stderr, process.stderr)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has gone, as `| head` does.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

let printed = Promise.resolve()

const code = await run(process.argv.slice(2), {
  env: process.env,
  print: (text) => {
    printed = printed.then(() => new Promise((done) => process.stdout.write(`${text}\n`, () => done())))
  },
  note: (text) => process.stderr.write(`${text}\n`),
  async readInput() {
    let text = ''
    for await (const piece of process.stdin.setEncoding('utf8')) text += piece
    return text
  },
})
await printed
process.exit(code)
