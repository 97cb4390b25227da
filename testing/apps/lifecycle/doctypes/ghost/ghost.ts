import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'

const kept = new Map<string, Map<string, Record<string, unknown>>>()

function ghostsOf(ctx: Context): Map<string, Record<string, unknown>> {
  return kept.getOrInsertComputed(ctx.site.host, () => new Map())
}

/** A DocType without a table: its documents live in memory. */
export default class Ghost extends Document<{ title: string; weight: number }> {
  static async load(ctx: Context, name: string): Promise<Record<string, unknown> | undefined> {
    return ghostsOf(ctx).get(name)
  }

  static async insert(ctx: Context, document: AnyDocument): Promise<void> {
    ghostsOf(ctx).set(document.name, { title: document.title, weight: document.weight })
  }

  static async update(ctx: Context, document: AnyDocument): Promise<void> {
    ghostsOf(ctx).set(document.name, { title: document.title, weight: document.weight })
  }

  static async remove(ctx: Context, name: string): Promise<void> {
    ghostsOf(ctx).delete(name)
  }
}
