import type { DocumentListener } from '#kernel/documents/document.ts'
import { followsName, goesAlong } from '#kernel/documents/references.ts'
import { type Frame, rooms } from './event.ts'
import { publishToReaders } from './publish.ts'

/**
 * Tells whoever listens that a document was made, changed or deleted: `doc_update` to those who look at it, `list_update` to those who
 * look at a list, and, when it belongs to another document as a comment does, `docinfo_update` to those who look at that one.
 * Names and times only: what is in a field is fetched by whoever may read it.
 */
export const announceChange: DocumentListener = (ctx, document, extra) => {
  const { doctype, modified } = document
  const name = String(document.name)
  const isGone = extra?.before === document
  const about = { doctype, name, ...(isGone && { deleted: 1 }) }
  const told = publishToReaders(ctx, doctype, name, () => [
    { room: rooms.document(doctype, name), event: 'doc_update', message: { ...about, modified } },
    { room: rooms.doctype(doctype), event: 'list_update', message: { ...about, user: ctx.user.name } },
  ])
  const columns = companions.get(doctype)
  const [toDoctype, toName] = columns ? [document[columns[0]], document[columns[1]]] : []
  if (typeof toDoctype !== 'string' || typeof toName !== 'string' || toDoctype === '' || toName === '') return told
  const tellOther = (): void | Promise<void> =>
    publishToReaders(ctx, toDoctype, toName, () => [
      {
        room: rooms.document(toDoctype, toName),
        event: 'docinfo_update',
        message: { doctype: toDoctype, docname: toName, key: keyOf(doctype), name, action: actionOf(isGone, extra?.before) },
      },
    ])
  return told ? told.then(tellOther) : tellOther()
}

/** Tells whoever looks at a document or a list that the document has another name: `doc_rename`. */
export const announceRename: DocumentListener = (ctx, document, extra) => {
  const { doctype } = document
  const message = { doctype, old: String(extra?.old), new: String(document.name) }
  const frame = (room: string): Frame => ({ room, event: 'doc_rename', message })
  return publishToReaders(ctx, doctype, message.new, () => [frame(rooms.document(doctype, message.old)), frame(rooms.doctype(doctype))])
}

/** What a form shows beside the document. Who looked at it or follows it is told to nobody. */
const shown: ReadonlySet<string> = new Set(['Comment', 'ToDo', 'DocShare', 'Tag Link', 'File'])

/** DocTypes whose documents belong to another document, and the fields that say to which. */
const companions = new Map(
  [...goesAlong, ...followsName].filter(([doctype]) => shown.has(doctype)).map(([doctype, type, name]) => [doctype, [type, name] as const]),
)

/** `Comment` → `comments`, the part of a form that changed. */
function keyOf(doctype: string): string {
  return `${doctype.toLowerCase().replaceAll(' ', '_')}s`
}

function actionOf(isGone: boolean, before: unknown): 'add' | 'update' | 'delete' {
  if (isGone) return 'delete'
  return before ? 'update' : 'add'
}
