import { defineApp } from '#kernel/apps/app.ts'
import { Document } from '#kernel/documents/document.ts'
import { recordHooks, recordingListeners } from './recorder.ts'

class RiteExtension extends Document {
  /** A method that an app adds to another's documents. */
  loudly(): string {
    return String((this as unknown as { title: string }).title).toUpperCase()
  }
}
recordHooks(RiteExtension.prototype, 'extension')

/** The app of the documents contract: a DocType whose every hook tells that it was called, and controllers of the rarer kinds. */
export default defineApp({
  name: 'lifecycle',
  title: 'Life cycle',
  version: '1.0.0',
  roles: ['Clerk'],
  extends: { Rite: RiteExtension },
  events: { Rite: recordingListeners('listener', 'Rite'), '*': recordingListeners('everyone', 'Rite') },
})
