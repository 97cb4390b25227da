import { defineApp } from '#kernel/apps/app.ts'
import { hooksOf, type World } from '#testing/oracle/world.ts'

/** Which hooks the world at hand has switched on; the test sets it before it asks anything. */
export const switches: { -readonly [name in keyof World['hooks']]: boolean } = {
  memoNotHidden: false,
  caseOpenNotes: false,
  caseNotClosed: false,
}

/** The DocTypes of the oracle's worlds on a real site, with the world's conditions on rows and documents. */
export default defineApp({
  name: 'oracle',
  title: 'Oracle',
  version: '0.1.0',
  permissions: {
    Memo: { rows: (ctx, action, doctype) => hooksOf({ hooks: switches }).Memo?.rows?.(ctx, action, doctype) },
    Case: {
      alsoRows: (ctx, action) => hooksOf({ hooks: switches }).Case?.alsoRows?.(ctx, action),
      check: (ctx, document, action) => hooksOf({ hooks: switches }).Case?.check?.(ctx, document, action) ?? true,
    },
  },
})
