import { insert } from '#kernel/documents/save.ts'
import { createKey } from '#kernel/identity/api-keys.ts'
import { testServer } from '#testing/server.ts'
import type { TestSite } from '#testing/site.ts'
import workshop from './apps/workshop/app.ts'

/** Somebody who can sign in either way. */
export interface Person {
  user: string
  password: string
  api_key: string
  api_secret: string
}

export interface WorkshopSite {
  /** Where the server listens, without a slash at the end. */
  url: string
  /** Reads, writes, submits … */
  staff: Person
  /** Reads tickets and customers. */
  visitor: Person
  site: TestSite
}

/** A real server, on a port of its own, for a site with the workshop app; gone when the file's tests are done. */
export async function workshopSite(): Promise<WorkshopSite> {
  const site = await testServer({ apps: [workshop.name], appFolders: [`${import.meta.dirname}/apps`] })
  const staff = await person(site, 'sam@example.com', 'Workshop Staff')
  const visitor = await person(site, 'vera@example.com', 'Workshop Visitor')
  return { url: site.url, staff, visitor, site }
}

async function person(site: TestSite, email: string, role: string): Promise<Person> {
  const password = `fake-pass-of-${email}`
  await site.asSystem((ctx) =>
    insert(ctx, 'User', {
      email,
      first_name: email.split('@')[0],
      enabled: 1,
      send_welcome_email: 0,
      new_password: password,
      roles: [{ role }],
    }),
  )
  const { api_key, api_secret } = await site.asSystem((ctx) => createKey(ctx, email, { label: 'test' }))
  return { user: email, password, api_key, api_secret }
}
