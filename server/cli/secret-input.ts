import { randomBytes } from 'node:crypto'
import type { Call } from './command.ts'
import { one } from './command.ts'
import { BadUsage } from './errors.ts'

/**
 * A password from an option, where `-` means the first line of standard input, or from an environment variable, so that it need not
 * stand in the list of processes.
 * @throws BadUsage when it is empty
 */
export async function readPassword(call: Call, option: string, variable: string): Promise<string | undefined> {
  const given = one(call.options, option)
  const password = given === '-' ? (await call.terminal.readInput()).split(/\r?\n/, 1)[0] : (given ?? call.terminal.env[variable])
  if (password === '') throw new BadUsage({ reason: `The password of --${option} is empty.` })
  return password
}

/** 144 random bits: nobody guesses it, and it needs no quotes in a shell. */
export function newPassword(): string {
  // A dash in front would be taken for an option.
  return randomBytes(18).toString('base64url').replace(/^-/, 'x')
}
