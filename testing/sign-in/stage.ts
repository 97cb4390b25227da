import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setPassword } from '#kernel/identity/passwords.ts'
import { goodPassword } from '../identity-cast.ts'
import { type TestServer, testServer } from '../server.ts'
import type { TestSiteOptions } from '../site.ts'
import { type Browser, browser, type Visit } from './browser.ts'

/** A served site that knows its own address and may call providers on this machine. */
export interface SignInStage extends TestServer {
  /** Makes a user with `goodPassword`. */
  person(email: string, roles?: readonly string[]): Promise<string>
  /** A browser in which a user has signed in with the password. */
  signedIn(user: string): Promise<Browser>
  /** Whom the site takes a browser for. */
  whoIs(visitor: Browser): Promise<string>
}

/** Opens the stage. */
export async function signInStage(options: TestSiteOptions = {}): Promise<SignInStage> {
  const server = await testServer({
    ...options,
    config: { external_allow: ['127.0.0.1'], login_rate_limit: { limit: 5000, window: 60 }, ...options.config },
  })
  // Into the file as well: it is read again when a setting changes.
  const file = join(server.site.folder, 'site_config.json')
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), host_name: server.url }))
  Object.assign(server.site.config, { host_name: server.url })
  return {
    ...server,
    person: async (email, roles) => {
      await server.user(email, roles)
      await server.asSystem((ctx) => setPassword(ctx, email, goodPassword))
      return email
    },
    signedIn: async (user) => {
      const visitor = browser()
      const page: Visit = await visitor.open(`${server.url}/login`)
      await visitor.submit(page, { usr: user, pwd: goodPassword })
      return visitor
    },
    whoIs: async (visitor) => {
      const { text } = await visitor.open(`${server.url}/api/method/frappe.auth.get_logged_user`)
      return (JSON.parse(text) as { message?: string }).message ?? 'Guest'
    },
  }
}
