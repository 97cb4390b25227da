import type { ConstraintKind, Edge, Graph, PlanLink, PlanTask } from './schedule-plan.ts'

/** Why a task stands where it does. */
export type Reason =
  | { readonly kind: 'plan-start' }
  | { readonly kind: 'as-of' }
  | { readonly kind: 'link'; readonly link: PlanLink }
  | { readonly kind: 'constraint'; readonly constraint: ConstraintKind }
  | { readonly kind: 'pinned' }
  | { readonly kind: 'actual' }
  | { readonly kind: 'parts' }
  | { readonly kind: 'levelling' }

/** Starts and finishes by index of the task; of a task with parts those of its parts. */
export interface Dates {
  readonly start: Float64Array
  readonly finish: Float64Array
  readonly because: Reason[]
  /** Before it the parts of a task do not begin. */
  readonly bound: Float64Array
}

interface Bound {
  at: number
  because: Reason
}

const never = Number.NEGATIVE_INFINITY

export function emptyDates(count: number): Dates {
  const because: Reason[] = Array.from({ length: count }, () => ({ kind: 'plan-start' }) as const)
  const [start, finish, bound] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)]
  return { start, finish, because, bound }
}

/**
 * Everything as early as it may be. Pinned dates, dates that must be kept and what has happened stand, even against links.
 * @param notBefore instants before which single tasks do not begin, by index: what levelling found
 */
export function forward(graph: Graph, notBefore?: ReadonlyMap<number, number>): Dates {
  const dates = emptyDates(graph.plan.tasks.length)
  for (const node of graph.order) placeNode(graph, dates, node, notBefore?.get(node))
  return dates
}

/** Places one node of the order, all before it being placed. */
export function placeNode(graph: Graph, dates: Dates, node: number, notBefore?: number): void {
  if (node < 0) enterGroup(graph, dates, ~node)
  else if ((graph.children[node] as readonly number[]).length > 0) closeGroup(graph, dates, node)
  else placeTask(graph, dates, node, notBefore)
}

/** When the other end lets it begin or finish. */
export function boundOf(graph: Graph, dates: Pick<Dates, 'start' | 'finish'>, { other, link }: Edge): number {
  const at = (link.kind === 'FS' || link.kind === 'FF' ? dates.finish[other] : dates.start[other]) as number
  return graph.planClock.shift(at, link.lag)
}

export const bindsStart = (link: PlanLink): boolean => link.kind === 'FS' || link.kind === 'SS'

function inherited(graph: Graph, dates: Dates, task: number): Bound {
  const above = graph.parent[task] as number
  if (above >= 0) return { at: dates.bound[above] as number, because: dates.because[above] as Reason }
  return { at: graph.plan.start, because: { kind: 'plan-start' } }
}

function raise(bound: Bound, at: number, because: Reason): void {
  if (at <= bound.at) return
  bound.at = at
  bound.because = because
}

function enterGroup(graph: Graph, dates: Dates, task: number): void {
  const bound = inherited(graph, dates, task)
  for (const edge of graph.incoming[task] as readonly Edge[]) raise(bound, boundOf(graph, dates, edge), { kind: 'link', link: edge.link })
  const { constraint } = graph.plan.tasks[task] as PlanTask
  if (constraint?.kind === 'start-no-earlier-than' && constraint.at !== undefined)
    raise(bound, constraint.at, { kind: 'constraint', constraint: constraint.kind })
  dates.bound[task] = bound.at
  dates.because[task] = bound.because
}

export function closeGroup(graph: Graph, dates: Dates, task: number): void {
  const parts = graph.children[task] as readonly number[]
  let [start, finish] = [Number.POSITIVE_INFINITY, never]
  for (const part of parts) {
    start = Math.min(start, dates.start[part] as number)
    finish = Math.max(finish, dates.finish[part] as number)
  }
  dates.start[task] = start
  dates.finish[task] = finish
}

function placeTask(graph: Graph, dates: Dates, index: number, notBefore: number | undefined): void {
  const task = graph.plan.tasks[index] as PlanTask
  if (task.actualFinish !== undefined) happened(graph, dates, index, task.actualFinish)
  else if (task.pinned) set(dates, index, task.pinned.start, task.pinned.finish, { kind: 'pinned' })
  else placeByBounds(graph, dates, index, notBefore)
}

function placeByBounds(graph: Graph, dates: Dates, index: number, notBefore: number | undefined): void {
  const task = graph.plan.tasks[index] as PlanTask
  const start = inherited(graph, dates, index)
  const finish: Bound = { at: never, because: start.because }
  for (const edge of graph.incoming[index] as readonly Edge[])
    raise(bindsStart(edge.link) ? start : finish, boundOf(graph, dates, edge), { kind: 'link', link: edge.link })
  if (task.actualStart !== undefined) {
    underWay(graph, dates, index, task.actualStart, finish)
    return
  }
  if (graph.plan.asOf !== undefined) raise(start, graph.plan.asOf, { kind: 'as-of' })
  if (notBefore !== undefined) raise(start, notBefore, { kind: 'levelling' })
  if (constrain(graph, dates, index, start, finish)) return
  findRoom(graph, dates, index, start, finish)
}

/** @returns whether the constraint alone decides */
function constrain(graph: Graph, dates: Dates, index: number, start: Bound, finish: Bound): boolean {
  const { constraint, work } = graph.plan.tasks[index] as PlanTask
  if (constraint?.at === undefined) return false
  const clock = graph.clock[index] as Graph['planClock']
  const because: Reason = { kind: 'constraint', constraint: constraint.kind }
  if (constraint.kind === 'must-start-on') {
    const begin = work > 0 ? clock.begin(constraint.at) : constraint.at
    set(dates, index, begin, clock.shift(begin, work), because)
    return true
  }
  if (constraint.kind === 'must-finish-on') {
    set(dates, index, clock.shift(constraint.at, -work), constraint.at, because)
    return true
  }
  if (constraint.kind === 'start-no-earlier-than') raise(start, constraint.at, because)
  if (constraint.kind === 'finish-no-earlier-than') raise(finish, constraint.at, because)
  return false
}

function findRoom(graph: Graph, dates: Dates, index: number, start: Bound, finish: Bound): void {
  const { work } = graph.plan.tasks[index] as PlanTask
  if (work === 0) {
    const at = Math.max(start.at, finish.at)
    set(dates, index, at, at, finish.at > start.at ? finish.because : start.because)
    return
  }
  const clock = graph.clock[index] as Graph['planClock']
  let begin = clock.begin(start.at)
  let position = clock.position(begin)
  let { because } = start
  if (finish.at > never && clock.position(finish.at) - work > position) {
    position = clock.position(finish.at) - work
    begin = clock.latest(position)
    because = finish.because
  }
  // What it waits for may end while nobody works on it; then it is over at that moment, not before.
  set(dates, index, begin, Math.max(clock.earliest(position + work), finish.at), because)
}

function happened(graph: Graph, dates: Dates, index: number, finish: number): void {
  const { actualStart, work } = graph.plan.tasks[index] as PlanTask
  const clock = graph.clock[index] as Graph['planClock']
  set(dates, index, Math.min(actualStart ?? clock.shift(finish, -work), finish), finish, { kind: 'actual' })
}

function underWay(graph: Graph, dates: Dates, index: number, began: number, finish: Bound): void {
  const { work, progress = 0 } = graph.plan.tasks[index] as PlanTask
  const clock = graph.clock[index] as Graph['planClock']
  const { asOf } = graph.plan
  const remains = Math.round(work * (1 - Math.min(1, Math.max(0, progress))))
  const ends = [clock.shift(began, work), finish.at, ...(asOf === undefined ? [] : [clock.shift(asOf, remains)])]
  set(dates, index, began, Math.max(...ends), { kind: 'actual' })
}

function set(dates: Dates, index: number, start: number, finish: number, because: Reason): void {
  dates.start[index] = start
  dates.finish[index] = finish
  dates.because[index] = because
}
