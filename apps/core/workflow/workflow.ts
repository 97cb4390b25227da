import { always, isAlways, never, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { can, grantFor } from '#kernel/permissions/grants.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { workflowDocTypes } from '#kernel/workflow/workflow.ts'
import { followState, forgetActions } from './actions.ts'
import { workflowMail } from './mail.ts'
import { workflowMethods } from './methods.ts'

/**
 * The list of actions shows documents by name: those of one's roles, and of DocTypes only of which one may read every document. For the
 * others there is the method `orchestrator.workflow.open_actions`, which asks about each.
 */
async function visibleActions(ctx: Context): Promise<Predicate> {
  if (ctx.user.roles.has('System Manager') && (await readsAll(ctx))) return always
  const open: string[] = []
  for (const doctype of await workflowDocTypes(ctx)) {
    const grant = await grantFor(ctx, doctype, 'read')
    if (grant.allowed && isAlways(grant.rows)) open.push(doctype)
  }
  if (open.length === 0) return never
  return {
    all: [
      where('reference_doctype', 'in', open),
      or({ child: 'permitted_roles', where: where('role', 'in', [...ctx.user.roles]) }, where('completed_by', '=', ctx.user.name)),
    ],
  }
}

async function readsAll(ctx: Context): Promise<boolean> {
  for (const doctype of await workflowDocTypes(ctx)) {
    const grant = await grantFor(ctx, doctype, 'read')
    if (!grant.allowed || !isAlways(grant.rows)) return false
  }
  return true
}

/** What rules name has another name now, in their rows too. */
const rulesRenamed: DocumentListener = (ctx) => bumpEpoch(ctx, 'config')

/** States of documents, and the ways between them. */
export const workflowPart: AppPart = {
  methods: workflowMethods,
  jobs: { 'workflow-mail': workflowMail },
  permissions: {
    'Workflow Action': {
      rows: visibleActions,
      check: async (ctx, action) => {
        const doctype = String(action.reference_doctype ?? '')
        if (!(await ctx.site.meta.exists(doctype))) return false
        const target = await find(ctx, await ctx.site.meta.get(doctype), String(action.reference_name))
        return target !== undefined && can(ctx, 'read', doctype, target)
      },
    },
  },
  events: {
    'Workflow State': { after_rename: rulesRenamed },
    'Workflow Action Master': { after_rename: rulesRenamed },
    Role: { after_rename: rulesRenamed },
    DocType: { after_rename: rulesRenamed },
    '*': { on_update: followState, on_cancel: followState, on_update_after_submit: followState, on_trash: forgetActions },
  },
}
