import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { SecretUnreadable } from './errors.ts'
import { isSameText, siteKey } from './keyed-hash.ts'

const table = sql.id('__Auth')

export interface AuthRow {
  doctype: string
  name: string
  fieldname: string
  secret: string
  /** 1: encrypted with the site's key; 0: a hash or a counter. */
  encrypted: 0 | 1
}

/**
 * Keeps the value of a Password field, encrypted (AES-256-GCM) with the site's key and apart from the document's own row.
 * An empty text removes it.
 */
export async function setSecret(ctx: Context, doctype: string, name: string, fieldname: string, text: string): Promise<void> {
  if (text === '') return deleteSecret(ctx, doctype, name, fieldname)
  await replaceAuthRow(ctx, { doctype, name, fieldname, secret: encrypt(ctx.site, `${doctype}/${fieldname}`, text), encrypted: 1 })
}

/**
 * The value of a Password field in clear; undefined when it is not set. For server code that uses it, never for an answer.
 * @throws SecretUnreadable when the site's key is not the one it was encrypted with
 */
export async function getSecret(ctx: Context, doctype: string, name: string, fieldname: string): Promise<string | undefined> {
  const [row] = await ctx.db.query<{ secret: string | null }>(
    ctx.db.dialect.compile(
      sql`select secret from ${table} where doctype = ${doctype} and name = ${name} and fieldname = ${fieldname} and encrypted = 1`,
    ),
  )
  if (!row?.secret) return undefined
  try {
    return decrypt(ctx.site, `${doctype}/${fieldname}`, row.secret)
  } catch (cause) {
    throw new SecretUnreadable({ doctype, docname: name, fieldname }, { cause })
  }
}

export async function deleteSecret(ctx: Context, doctype: string, name: string, fieldname: string): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`delete from ${table} where doctype = ${doctype} and name = ${name} and fieldname = ${fieldname}`),
  )
}

/** Removes all secrets of a document that goes. */
export async function removeSecrets(ctx: Context, doctype: string, name: string): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${table} where doctype = ${doctype} and name = ${name}`))
}

/** Takes the secrets of a renamed document along. */
export async function renameSecrets(ctx: Context, doctype: string, oldName: string, newName: string): Promise<void> {
  // After a merge the surviving document keeps its own.
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`delete from ${table} where doctype = ${doctype} and name = ${oldName}
      and fieldname in (select fieldname from (select fieldname from ${table} where doctype = ${doctype} and name = ${newName}) as kept)`),
  )
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${table} set name = ${newName} where doctype = ${doctype} and name = ${oldName}`))
}

/** Writes one row of the secrets' table, over what was there. */
export async function replaceAuthRow(ctx: Context, row: AuthRow): Promise<void> {
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${table} set secret = ${row.secret}, encrypted = ${row.encrypted}
      where doctype = ${row.doctype} and name = ${row.name} and fieldname = ${row.fieldname}`),
  )
  if (changes > 0) return
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`insert into ${table} (doctype, name, fieldname, secret, encrypted)
      values (${row.doctype}, ${row.name}, ${row.fieldname}, ${row.secret}, ${row.encrypted})`),
  )
}

/** Encrypts for this site and this purpose; the result differs each time. @returns `v1:` and base64 of nonce, tag and ciphertext */
export function encrypt(site: Site, purpose: string, text: string): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', siteKey(site, 'secrets'), nonce)
  cipher.setAAD(Buffer.from(purpose, 'utf8'))
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return `v1:${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')}`
}

/** @throws Error when the text was altered, or encrypted elsewhere or for another purpose */
export function decrypt(site: Site, purpose: string, stored: string): string {
  if (!stored.startsWith('v1:')) throw new Error('Not an encrypted text of a known version.')
  const bytes = Buffer.from(stored.slice(3), 'base64')
  const decipher = createDecipheriv('aes-256-gcm', siteKey(site, 'secrets'), bytes.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(Buffer.from(purpose, 'utf8'))
  decipher.setAuthTag(bytes.subarray(12, 28))
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
}

/**
 * A text that anybody may read and only this site can make, for links that carry their own right.
 * @param purpose  a signature for one purpose is worth nothing for another
 * @param expires  milliseconds since 1970
 */
export function signText(site: Site, purpose: string, text: string, expires: number): string {
  const body = `${Buffer.from(text, 'utf8').toString('base64url')}.${Math.floor(expires).toString(36)}`
  return `${body}.${signature(site, purpose, body)}`
}

/** The text inside a signed text; undefined when it is not ours, was altered or has expired. */
export function readSigned(site: Site, purpose: string, signed: string): string | undefined {
  const [text, expires, given, ...rest] = signed.split('.')
  if (text === undefined || expires === undefined || given === undefined || rest.length > 0) return undefined
  if (!isSameText(given, signature(site, purpose, `${text}.${expires}`))) return undefined
  if (!(Number.parseInt(expires, 36) > site.clock.now())) return undefined
  return Buffer.from(text, 'base64url').toString('utf8')
}

function signature(site: Site, purpose: string, body: string): string {
  return createHmac('sha256', siteKey(site, `signed/${purpose}`))
    .update(body)
    .digest('base64url')
}
