import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { createKey } from '#kernel/identity/api-keys.ts'
import { setPassword } from '#kernel/identity/passwords.ts'
import { administrator } from '#kernel/identity/principals.ts'
import { endSessions } from '#kernel/identity/sessions.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { type Call, type Command, list, one, type Outcome, word } from '../command.ts'
import { newPassword, readPassword } from '../secret-input.ts'

const passwordOption = {
  value: 'PASSWORD',
  summary: '"-" reads it from standard input, ORC_USER_PASSWORD sets it too; default: a random one, printed',
}

export const userCommands: readonly Command[] = [
  {
    name: 'add-user',
    summary: 'Make a user with roles, a password and an API key',
    arguments: [{ name: 'EMAIL', summary: 'address, which is also the name to sign in with' }],
    options: {
      roles: { value: 'ROLES', summary: 'role names, with commas between them', many: true },
      'first-name': { value: 'NAME', summary: 'default: what stands before the @' },
      'last-name': { value: 'NAME', summary: 'family name' },
      password: passwordOption,
    },
    onSite: true,
    example: 'orc add-user dana@example.com --roles "Coordinator,Technician" --site crm.example.com',
    run: addUser,
  },
  {
    name: 'set-password',
    summary: 'Give a user a new password and end its sessions',
    arguments: [{ name: 'USER', summary: 'address of the user, or Administrator' }],
    options: { password: passwordOption },
    onSite: true,
    example: 'orc set-password Administrator --site crm.example.com',
    run: changePassword,
  },
]

async function addUser(call: Call): Promise<Outcome> {
  const site = await call.site()
  const email = word(call, 'EMAIL').trim().toLowerCase()
  const password = (await readPassword(call, 'password', 'ORC_USER_PASSWORD')) ?? newPassword()
  const lastName = one(call.options, 'last-name')
  const user = await asOperator(call, 'a user made on the command line', async (ctx) => {
    const document = await insert(ctx, 'User', {
      email,
      first_name: one(call.options, 'first-name') ?? email.split('@')[0],
      ...(lastName ? { last_name: lastName } : {}),
      enabled: 1,
      send_welcome_email: 0,
      roles: list(call, 'roles').map((role) => ({ role })),
    })
    await setPassword(ctx, document.name, password, 'password')
    const { api_key, api_secret } = await createKey(ctx, document.name, { label: 'command line' })
    return { user: document.name, password, api_key, api_secret }
  })
  return {
    value: user,
    text: [`${user.user} can sign in on ${site.host}.`, `Password: ${user.password}`, `API key:  ${user.api_key}:${user.api_secret}`].join(
      '\n',
    ),
  }
}

async function changePassword(call: Call): Promise<Outcome> {
  const given = await readPassword(call, 'password', 'ORC_USER_PASSWORD')
  const password = given ?? newPassword()
  const name = await asOperator(call, 'a password set on the command line', async (ctx) => {
    const user = await getDocument(ctx, 'User', word(call, 'USER'))
    await setPassword(ctx, user.name, password, 'password')
    await endSessions(ctx, user.name)
    await bumpEpoch(ctx, 'access')
    return user.name
  })
  return {
    value: { user: name, ...(given === undefined ? { password } : {}) },
    text: `${name} has a new password${given === undefined ? `: ${password}` : '.'}`,
  }
}

/** Works as Administrator; the reason and the way it came end up in the audit log. */
async function asOperator<T>(call: Call, why: string, work: (ctx: Context) => Promise<T>): Promise<T> {
  const site = await call.site()
  return site.run(administrator(), (ctx) => work(ctx.asSystem(why)), { via: 'cli' })
}
