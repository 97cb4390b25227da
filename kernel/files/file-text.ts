import { createReadStream } from 'node:fs'
import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { bytesOfFile } from '#kernel/tabular/byte-source.ts'
import { TableTooLarge, TableUnreadable } from '#kernel/tabular/errors.ts'
import { unescaped } from '#kernel/tabular/sheet-xml.ts'
import { ZipReader } from '#kernel/tabular/zip-read.ts'
import { plainText } from '#kernel/templates/plain-text.ts'
import { textOfPdf } from './pdf-text.ts'

/** Characters kept of a file. */
const longestKept = 100_000
/** Bytes that are read of a text. */
const mostRead = 2_000_000
/** Slides, or sheets, that are looked into. */
const mostParts = 300

const office = 'application/vnd.openxmlformats-officedocument'
const readers: Readonly<Record<string, (path: string) => Promise<string>>> = {
  'text/plain': beginningOf,
  'text/markdown': beginningOf,
  'text/csv': beginningOf,
  'text/tab-separated-values': beginningOf,
  'text/calendar': beginningOf,
  'text/vcard': beginningOf,
  'application/json': beginningOf,
  'application/yaml': beginningOf,
  'text/html': async (path) => plainText(await beginningOf(path)),
  'application/xhtml+xml': async (path) => plainText(await beginningOf(path)),
  'message/rfc822': textOfMail,
  'application/pdf': textOfPdf,
  [`${office}.wordprocessingml.document`]: (path) => textOfArchive(path, ['word/document.xml', 'word/footnotes.xml'], 'w:p'),
  [`${office}.presentationml.presentation`]: (path) => textOfArchive(path, numbered('ppt/slides/slide'), 'a:p'),
  [`${office}.spreadsheetml.sheet`]: (path) => textOfArchive(path, ['xl/sharedStrings.xml', ...numbered('xl/worksheets/sheet')], 'si'),
}

/** Whether text can be read out of files of a type. */
export function hasText(type: string): boolean {
  return Object.hasOwn(readers, type)
}

/** What a file says, as plain text: its beginning, where it is long. @returns '' for what is damaged, or is not what it says */
export async function textOfFile(path: string, type: string): Promise<string> {
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined
  if (!read) return ''
  try {
    return (await read(path))
      .replaceAll(/[\0\s]+/g, ' ')
      .trim()
      .slice(0, longestKept)
      .toWellFormed()
  } catch (error) {
    if (TableUnreadable.is(error) || TableTooLarge.is(error)) return ''
    throw error
  }
}

/** Keeps what a file says, for search. */
export async function keepText(ctx: Context, file: string, content: string): Promise<void> {
  await forgetText(ctx, file)
  if (content === '') return
  await ctx.db.execute(ctx.db.dialect.compile(sql`insert into ${ident('__File_Text')} (file, content) values (${file}, ${content})`))
}

/** What `keepText` kept. */
export async function keptText(ctx: Context, file: string): Promise<string | undefined> {
  const [row] = await ctx.db.query<Row>(ctx.db.dialect.compile(sql`select content from ${ident('__File_Text')} where file = ${file}`))
  return row ? String(row.content) : undefined
}

/** The file is gone. */
export async function forgetText(ctx: Context, file: string): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${ident('__File_Text')} where file = ${file}`))
}

async function beginningOf(path: string): Promise<string> {
  const parts = await Array.fromAsync(createReadStream(path, { end: mostRead - 1 }) as AsyncIterable<Buffer>)
  return new TextDecoder().decode(Buffer.concat(parts))
}

async function textOfMail(path: string): Promise<string> {
  const { simpleParser } = await import('mailparser')
  const mail = await simpleParser(await beginningOf(path), { skipImageLinks: true, skipTextLinks: true })
  return [mail.subject, mail.from?.text, mail.text || (mail.html ? plainText(mail.html) : '')].filter(Boolean).join('\n')
}

function numbered(start: string): string[] {
  return Array.from({ length: mostParts }, (_, index) => `${start}${index + 1}.xml`)
}

/** The text between the tags of some entries of a zip archive. @param block the tag after which words do not belong together */
async function textOfArchive(path: string, entries: readonly string[], block: string): Promise<string> {
  const source = await bytesOfFile(path)
  try {
    const zip = await ZipReader.open(source)
    let text = ''
    for (const entry of entries) {
      if (!zip.has(entry)) continue
      // A sheet holds numbers of shared texts; words stand in it only as inline texts.
      text += ` ${await textOfXml(zip.text(entry), block, entry.startsWith('xl/worksheets/') ? 't' : undefined)}`
      if (text.length > longestKept) break
    }
    return text
  } finally {
    await source.close()
  }
}

async function textOfXml(pieces: AsyncIterable<string>, block: string, only: string | undefined): Promise<string> {
  let text = ''
  let tag = ''
  let isInTag = false
  let isWanted = only === undefined
  for await (const piece of pieces) {
    for (const part of piece.split(/(?=[<>])/)) {
      if (part.startsWith('<')) {
        isInTag = true
        tag = part.slice(1, 80)
        continue
      }
      if (!part.startsWith('>')) {
        if (isInTag) tag = (tag + part).slice(0, 80)
        else if (isWanted) text += part
        continue
      }
      isInTag = false
      const name = /^\/?[\w:]+/.exec(tag)?.[0] ?? ''
      if (only) isWanted = name === only
      if (name === `/${block}` || name === `/${only}` || /^\/?(w:(br|tab|tc)|a:br)$/.test(name)) text += ' '
      if (isWanted) text += part.slice(1)
    }
    if (text.length > longestKept) break
  }
  return unescaped(text)
}
