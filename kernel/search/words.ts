import type { Context } from '#kernel/context/context.ts'
import { join, sql } from '#kernel/database/sql.ts'
import { entryTable, storedTexts } from './entry-rows.ts'
import { bucketOf } from './suggest.ts'
import { termsOf } from './terms.ts'

const words = sql.id('__Search_Word')
const rowsAtOnce = 200
const entriesAtOnce = 500

/** Notes words that suggestions may offer: three letters or more, no numbers. Known ones stay. */
export async function learnWords(ctx: Context, terms: Iterable<string>): Promise<void> {
  // In one order everywhere, so that two who learn the same words do not wait for each other in a circle.
  const fresh = [...new Set(terms)]
    .filter((term) => term.length >= 3 && term.length <= 40 && !/^[0-9]|[0-9]{3}/.test(term.replaceAll(/_..../g, 'x')))
    .sort()
  const { dialect } = ctx.db
  const [insert, onKnown] = dialect.name === 'mariadb' ? ['insert ignore into', ''] : ['insert into', 'on conflict do nothing']
  for (let at = 0; at < fresh.length; at += rowsAtOnce) {
    const rows = fresh.slice(at, at + rowsAtOnce).map((term) => sql`(${term}, ${bucketOf(term)})`)
    await ctx.db.execute(dialect.compile(sql`${sql.raw(insert)} ${words} (word, bucket) values ${join(rows)} ${sql.raw(onKnown)}`))
  }
}

/** Learns the words of documents whose text changed on that day or later. @returns how many entries were read */
export async function learnWordsSince(ctx: Context, day: number): Promise<number> {
  let read = 0
  for (let after = 0; ; ) {
    const rows = await ctx.db.query<{ id: number; title: string; body: string }>(
      ctx.db.dialect.compile(
        sql`select id, title, body from ${entryTable} where id > ${after} and day >= ${day} order by id limit ${sql.raw(String(entriesAtOnce))}`,
      ),
    )
    if (rows.length === 0) return read
    await learnWords(
      ctx,
      rows.flatMap(({ title, body }) => termsOf([title, ...storedTexts(body).map(({ text }) => text)].join(' '))),
    )
    read += rows.length
    after = Number(rows.at(-1)?.id)
  }
}
