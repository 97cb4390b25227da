import { after, before, suite } from 'node:test'
import type { DialectName } from '#kernel/database/database.ts'
import { type DocumentsWorld, openWorld } from '#testing/documents-world.ts'
import { definitionTests } from './documents-definitions.ts'
import { lifecycleTests } from './documents-lifecycle.ts'
import { linkTests } from './documents-links.ts'
import { namingTests } from './documents-naming.ts'
import { refusalTests } from './documents-refusals.ts'
import { treeTests } from './documents-tree.ts'
import { valueTests } from './documents-values.ts'

/** What the documents of the kernel promise, on one engine. One site serves the whole suite, because making one takes a while. */
export function documentsContract(engine: DialectName, open: () => Promise<DocumentsWorld> = () => openWorld(engine)): void {
  suite(`documents on ${engine}`, () => {
    let world: DocumentsWorld
    before(async () => {
      world = await open()
    })
    after(() => world?.close())
    const parts = {
      lifecycle: lifecycleTests,
      naming: namingTests,
      values: valueTests,
      links: linkTests,
      trees: treeTests,
      definitions: definitionTests,
      refusals: refusalTests,
    }
    for (const [name, part] of Object.entries(parts)) suite(name, () => part(() => world))
  })
}
