import type { Dialect, Storage } from '#kernel/database/database.ts'

/** A storage in words that stay the same on every engine: `text(140)`, `decimal`. JSON is text to every engine. */
export function storageText(storage: Storage): string {
  if (storage.kind === 'json') return 'text'
  if (storage.kind === 'uuid') return 'text(36)'
  return storage.kind === 'text' && storage.length ? `text(${storage.length})` : storage.kind
}

/** The storage that `storageText` wrote down. */
export function readStorageText(text: string): Storage | undefined {
  const sized = /^text\((\d+)\)$/.exec(text)
  if (sized) return { kind: 'text', length: Number(sized[1]) }
  return plainKinds.includes(text as (typeof plainKinds)[number]) ? ({ kind: text } as Storage) : undefined
}

const plainKinds = ['text', 'boolean', 'integer', 'bigint', 'float', 'decimal', 'date', 'datetime', 'time'] as const

/** The storage that an engine's type stands for; undefined for a type that sync does not make. Of twins (decimal, float) the first. */
export function storageOfType(type: string, dialect: Dialect): Storage | undefined {
  if (dialect.name === 'sqlite') return sqliteDefaults[type]
  for (const kind of plainKinds) if (dialect.columnType({ kind } as Storage).toLowerCase() === type) return { kind } as Storage
  const sample = dialect.columnType({ kind: 'text', length: 777 }).toLowerCase()
  const [before = '', after = ''] = sample.split('777')
  const length = type.startsWith(before) && type.endsWith(after) ? type.slice(before.length, type.length - after.length) : ''
  return /^\d+$/.test(length) ? { kind: 'text', length: Number(length) } : undefined
}

/** What SQLite's types mean where nothing is recorded. */
const sqliteDefaults: Readonly<Record<string, Storage>> = {
  text: { kind: 'text', length: 140 },
  integer: { kind: 'integer' },
  real: { kind: 'float' },
}
