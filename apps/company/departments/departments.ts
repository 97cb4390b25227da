import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { managedCache, managedDepartments } from './managed.ts'

const forget: DocumentListener = (ctx) => managedCache.invalidateAll(ctx)

/** Asked by screens, and by the row conditions of other apps: whose people a manager sees. */
const managed = defineMethod({
  path: 'orchestrator.company.managed_departments',
  summary: 'Departments that the caller manages, those below included, by name.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: checkedPerDocument('it answers about the caller alone, so that row conditions may ask whatever key is in use'),
  handler: (ctx) => managedDepartments(ctx, ctx.user.name),
})

/** The tree of departments, and what managing one brings. */
export const departmentsPart: AppPart = {
  methods: [managed],
  caches: [managedCache],
  // A user who is renamed is a manager under another name.
  events: { Department: { on_change: forget }, User: { after_rename: forget } },
}
