/** A site's own database and the account that owns it. */
export interface Grant {
  database: string
  user: string
  password: string
}

/** Runs administrative statements on a server; each engine's provisioner gets one. */
export type AdminQuery = (statement: string) => Promise<Record<string, unknown>[]>

/** What one engine does to make and remove a site's database; the names are checked, the password is not. */
export interface Provisioner {
  /** Opens the server's own database, or the named one, with the rights of the server URL. */
  withServer<T>(serverUrl: string, database: string | undefined, work: (query: AdminQuery) => Promise<T>): Promise<T>
  databaseExists(query: AdminQuery, database: string): Promise<boolean>
  isEmpty(query: AdminQuery, database: string): Promise<boolean>
  create(query: AdminQuery, database: string): Promise<void>
  setAccount(query: AdminQuery, grant: Grant): Promise<void>
  /** Gives the account everything in its database, and nothing elsewhere. */
  allow(query: AdminQuery, grant: Grant): Promise<void>
  drop(query: AdminQuery, grant: Pick<Grant, 'database' | 'user'>): Promise<void>
}
