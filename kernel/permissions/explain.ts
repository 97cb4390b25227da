import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { readDocument } from '#kernel/documents/rows.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { workflowObjection } from '#kernel/workflow/objection.ts'
import { verbOf } from './errors.ts'
import type { Action, Grant, TrailStep } from './grant.ts'
import { can, grantFor } from './grants.ts'
import { predicateMatches } from './row-matches.ts'

/** Why a user may or may not do something, for the person who gives out rights. */
export interface Explanation {
  readonly user: string
  readonly doctype: string
  readonly action: Action
  readonly name?: string
  readonly allowed: boolean
  /** The verdict and its reason in one sentence. */
  readonly verdict: string
  /** The rule that decided: role, owner, scope, user-permission, share, app-condition, app-check, workflow, key-scope, administrator, default. */
  readonly decidedBy: string
  readonly steps: readonly ExplainedStep[]
}

export interface ExplainedStep {
  readonly rule: string
  readonly outcome: TrailStep['outcome']
  readonly text: string
  /** Whether the step's condition is true of the document; absent when no document was named or the step has no condition. */
  readonly holds?: boolean
}

/**
 * Says which rules took part and which one decided, for a user who need not be the caller. It reveals rights and whether documents
 * exist: callers let only those ask who administer rights.
 * @throws DocTypeNotFound, UserUnavailable
 */
export async function explain(
  ctx: Context,
  question: { user: string; doctype: string; action: Action; name?: string },
): Promise<Explanation> {
  const asked = ctx.as(await principalOf(ctx, question.user))
  const meta = await ctx.site.meta.get(question.doctype)
  const grant = await grantFor(asked, meta.name, question.action)
  const base = { user: asked.user.name, doctype: meta.name, action: question.action }
  if (question.name === undefined) {
    const steps = grant.trail.map(({ rule, outcome, text }) => ({ rule, outcome, text }))
    return { ...base, ...verdict(asked, base, grant.allowed, (grant.allowed ? granting(steps) : refusing(steps)) ?? silence), steps }
  }
  const named = { ...base, name: question.name }
  const document = meta.isSingle || meta.isVirtual ? undefined : await readDocument(asked.db, asked.site.meta, meta, question.name)
  if (!document) {
    const step = { rule: 'default', outcome: 'refuses' as const, text: `There is no ${meta.name} ${question.name}.` }
    return { ...named, ...verdict(asked, named, false, step), steps: [step] }
  }
  const steps = await judge(asked, meta, grant, document)
  const allowed = await can(asked, question.action, meta.name, document)
  const objection = allowed ? await workflowObjection(asked, question.action, document) : undefined
  if (objection) {
    const step = { rule: 'workflow', outcome: 'refuses' as const, text: objection }
    return { ...named, ...verdict(asked, named, false, step), steps: [...steps, step] }
  }
  const decisive = allowed ? granting(steps) : blocking(steps, grant)
  const all = decisive && !steps.includes(decisive) ? [...steps, decisive] : steps
  return { ...named, ...verdict(asked, named, allowed, decisive ?? silence), steps: all }
}

const silence: ExplainedStep = { rule: 'default', outcome: 'refuses', text: 'Nothing gives this right, so it is refused.' }

async function judge(ctx: Context, meta: Meta, grant: Grant, document: AnyDocument): Promise<ExplainedStep[]> {
  const steps: ExplainedStep[] = []
  for (const { rule, outcome, text, predicate } of grant.trail) {
    const holds = predicate === undefined ? undefined : await predicateMatches(ctx, meta, predicate, document)
    steps.push({ rule, outcome, text, ...(holds !== undefined && { holds }) })
  }
  return steps
}

function granting(steps: readonly ExplainedStep[]): ExplainedStep | undefined {
  const grants = steps.filter((step) => step.outcome === 'grants' && step.holds !== false)
  // Where a restriction fails and the document is open all the same, an owner's right or a share has opened it.
  const isRestricted = steps.some((step) => step.outcome === 'restricts' && step.holds === false)
  return (isRestricted ? grants.find((step) => step.rule === 'owner' || step.rule === 'share') : undefined) ?? grants[0]
}

function refusing(steps: readonly ExplainedStep[]): ExplainedStep | undefined {
  return steps.find((step) => step.outcome === 'refuses')
}

function blocking(steps: readonly ExplainedStep[], grant: Grant): ExplainedStep | undefined {
  const refused = refusing(steps) ?? steps.find((step) => step.outcome === 'restricts' && step.holds === false)
  if (refused || !grant.allowed) return refused
  const short = steps.filter((step) => step.outcome === 'grants' && step.holds === false && step.rule !== 'share')
  const isOpened = steps.some((step) => step.outcome === 'grants' && step.holds !== false)
  if (!isOpened) return short.find((step) => step.rule === 'role') ?? short[0]
  return { rule: 'app-check', outcome: 'refuses', text: 'A check by an app refuses this document.' }
}

function verdict(
  ctx: Context,
  of: { doctype: string; action: Action; name?: string },
  allowed: boolean,
  step: ExplainedStep,
): Pick<Explanation, 'allowed' | 'verdict' | 'decidedBy'> {
  const what = of.name === undefined ? `${of.doctype} documents` : `${of.doctype} ${of.name}`
  return {
    allowed,
    decidedBy: step.rule,
    verdict: `${ctx.user.name} ${allowed ? 'may' : 'may not'} ${verbOf(of.action)} ${what}: ${step.text}`,
  }
}
