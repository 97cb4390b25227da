import { bindsStart, boundOf, closeGroup, type Dates, forward, type Reason } from './schedule-forward.ts'
import { type ConstraintKind, type Edge, type Graph, graphOf, type Plan, type PlanLink, type PlanTask } from './schedule-plan.ts'

/** Where a task stands. Instants in milliseconds since 1970, slack in working time of its own calendar. */
export interface ScheduledTask {
  readonly id: string
  readonly start: number
  readonly finish: number
  readonly lateStart: number
  readonly lateFinish: number
  /** How long it may slip until the end of the plan slips; below zero where dates contradict one another. */
  readonly slack: number
  /** Not done yet, and without slack. */
  readonly isCritical: boolean
  readonly because: Reason
}

/** Something that cannot be kept. */
export type Conflict =
  | { readonly kind: 'link'; readonly task: string; readonly link: PlanLink; readonly by: number }
  | { readonly kind: 'constraint'; readonly task: string; readonly constraint: ConstraintKind; readonly by: number }
  | { readonly kind: 'deadline'; readonly task: string; readonly by: number }

export interface Schedule {
  readonly start: number
  readonly finish: number
  readonly tasks: ReadonlyMap<string, ScheduledTask>
  /** Ids of the tasks on which the end depends, by start. */
  readonly critical: readonly string[]
  readonly conflicts: readonly Conflict[]
}

/**
 * Works out when everything happens: as early as links, calendars and constraints allow, and as late as possible where that is wished.
 * @param notBefore instants before which tasks do not begin, by id: what levelling found
 * @throws DependencyCycle, BadLink, NoWorkingTime
 */
export function schedule(plan: Plan, notBefore?: ReadonlyMap<string, number>): Schedule {
  const graph = graphOf(plan)
  const held = notBefore && new Map([...notBefore].map(([id, at]) => [graph.index.get(id) as number, at]))
  const dates = forward(graph, held)
  const finish = dates.finish.reduce((last, at) => Math.max(last, at), plan.start)
  if (plan.tasks.some(({ constraint }) => constraint?.kind === 'as-late-as-possible')) moveLate(graph, dates, finish)
  const late = backward(graph, dates, finish)
  const tasks = new Map<string, ScheduledTask>()
  for (const [index, { id }] of plan.tasks.entries()) tasks.set(id, scheduled(graph, dates, late, index))
  const critical = [...tasks.values()].filter(({ isCritical }) => isCritical).sort((a, b) => a.start - b.start || (a.id < b.id ? -1 : 1))
  return {
    start: dates.start.reduce((first, at) => Math.min(first, at), finish),
    finish,
    tasks,
    critical: critical.map(({ id }) => id),
    conflicts: conflictsIn(graph, dates),
  }
}

/** A task that stands elsewhere than before. */
export interface Move {
  readonly task: string
  readonly from: { readonly start: number; readonly finish: number } | undefined
  readonly to: { readonly start: number; readonly finish: number }
  readonly because: Reason
}

/** What a schedule changes of the dates there were; tasks that had none count as moved. By new start. */
export function movesOf(before: ReadonlyMap<string, { start: number; finish: number }>, after: Schedule): Move[] {
  const moves: Move[] = []
  for (const { id, start, finish, because } of after.tasks.values()) {
    const from = before.get(id)
    if (from?.start !== start || from.finish !== finish) moves.push({ task: id, from, to: { start, finish }, because })
  }
  return moves.sort((a, b) => a.to.start - b.to.start || (a.task < b.task ? -1 : 1))
}

function scheduled(graph: Graph, dates: Dates, late: Late, index: number): ScheduledTask {
  const { id, actualFinish } = graph.plan.tasks[index] as PlanTask
  const isGroup = (graph.children[index] as readonly number[]).length > 0
  const slack = late.slack[index] as number
  return {
    id,
    start: dates.start[index] as number,
    finish: dates.finish[index] as number,
    lateStart: late.start[index] as number,
    lateFinish: late.finish[index] as number,
    slack,
    isCritical: slack <= 0 && actualFinish === undefined && !isGroup,
    because: isGroup ? { kind: 'parts' } : (dates.because[index] as Reason),
  }
}

interface Late {
  readonly start: Float64Array
  readonly finish: Float64Array
  readonly slack: Float64Array
}

interface Limits {
  start: number
  finish: number
}

const none = Number.POSITIVE_INFINITY

/** The latest start and finish that what follows allows, given when that begins and ends. */
function limitsOf(graph: Graph, dates: Dates, follows: Pick<Dates, 'start' | 'finish'>, index: number, end: number): Limits {
  const limits: Limits = { start: none, finish: end }
  let earliestPart = true
  for (let task = index; task >= 0; task = graph.parent[task] as number) {
    // A task with parts begins with the first of them: only that one may not begin later.
    earliestPart = earliestPart && (task === index || dates.start[task] === dates.start[index])
    for (const { other, link } of graph.outgoing[task] as readonly Edge[]) {
      const at = (bindsStart(link) ? follows.start[other] : follows.finish[other]) as number
      const limit = graph.planClock.shift(at, -link.lag)
      if (link.kind === 'FS' || link.kind === 'FF') limits.finish = Math.min(limits.finish, limit)
      else if (earliestPart) limits.start = Math.min(limits.start, limit)
    }
  }
  return limits
}

/** Tasks that wish to be late go as far as what follows them leaves room, the last first. */
function moveLate(graph: Graph, dates: Dates, end: number): void {
  for (const node of graph.order.toReversed()) {
    if (node < 0) continue
    const { constraint, work } = graph.plan.tasks[node] as PlanTask
    const isFree = dates.because[node]?.kind !== 'actual' && dates.because[node]?.kind !== 'pinned'
    if (constraint?.kind !== 'as-late-as-possible' || !isFree || (graph.children[node] as readonly number[]).length > 0) continue
    const limits = limitsOf(graph, dates, dates, node, end)
    const clock = graph.clock[node] as Graph['planClock']
    const room = Math.min(
      clock.between(dates.finish[node] as number, limits.finish),
      limits.start === none ? none : clock.between(dates.start[node] as number, limits.start),
    )
    if (room <= 0) continue
    const position = clock.position(dates.start[node] as number) + room
    const start = work > 0 ? clock.latest(position) : Math.min(limits.start, limits.finish)
    dates.start[node] = start
    dates.finish[node] = work > 0 ? clock.earliest(position + work) : start
    dates.because[node] = { kind: 'constraint', constraint: constraint.kind }
  }
  for (const node of graph.order) if (node >= 0 && (graph.children[node] as readonly number[]).length > 0) closeGroup(graph, dates, node)
}

function backward(graph: Graph, dates: Dates, end: number): Late {
  const count = graph.plan.tasks.length
  const late: Late = { start: new Float64Array(count), finish: new Float64Array(count), slack: new Float64Array(count) }
  for (const node of graph.order.toReversed()) {
    if (node >= 0 && (graph.children[node] as readonly number[]).length === 0) lateTask(graph, dates, late, node, end)
    else if (node < 0) lateGroup(graph, late, ~node)
  }
  return late
}

function lateTask(graph: Graph, dates: Dates, late: Late, index: number, end: number): void {
  const task = graph.plan.tasks[index] as PlanTask
  const clock = graph.clock[index] as Graph['planClock']
  const limits = limitsOf(graph, dates, late, index, end)
  const [start, finish] = [dates.start[index] as number, dates.finish[index] as number]
  const { constraint } = task
  if (constraint?.at !== undefined) {
    if (constraint.kind === 'start-no-later-than') limits.start = Math.min(limits.start, constraint.at)
    if (constraint.kind === 'finish-no-later-than') limits.finish = Math.min(limits.finish, constraint.at)
    if (constraint.kind === 'must-start-on' || constraint.kind === 'must-finish-on') limits.start = Math.min(limits.start, start)
  }
  if (task.pinned || task.actualFinish !== undefined || task.actualStart !== undefined) limits.start = Math.min(limits.start, start)
  const slack = Math.min(clock.between(finish, limits.finish), limits.start === none ? none : clock.between(start, limits.start))
  late.slack[index] = slack
  late.start[index] = slack === 0 ? start : Math.min(clock.latest(clock.position(start) + slack), limits.start, limits.finish)
  late.finish[index] = slack === 0 ? finish : Math.min(clock.earliest(clock.position(finish) + slack), limits.finish)
}

function lateGroup(graph: Graph, late: Late, task: number): void {
  const parts = graph.children[task] as readonly number[]
  late.start[task] = Math.min(...parts.map((part) => late.start[part] as number))
  late.finish[task] = Math.max(...parts.map((part) => late.finish[part] as number))
  late.slack[task] = Math.min(...parts.map((part) => late.slack[part] as number))
}

/** Links and dates that pinned tasks, must-dates and what has happened run against; `by` in working time. */
function conflictsIn(graph: Graph, dates: Dates): Conflict[] {
  const found: Conflict[] = []
  for (const [index, task] of graph.plan.tasks.entries()) {
    if (task.actualFinish !== undefined) continue
    const clock = graph.clock[index] as Graph['planClock']
    const [start, finish] = [dates.start[index] as number, dates.finish[index] as number]
    for (const edge of graph.incoming[index] as readonly Edge[]) {
      const bound = boundOf(graph, dates, edge)
      const at = bindsStart(edge.link) ? start : finish
      if (at < bound) found.push({ kind: 'link', task: task.id, link: edge.link, by: graph.planClock.between(at, bound) })
    }
    const limit = task.constraint?.at
    if (limit !== undefined && task.constraint) {
      const { kind } = task.constraint
      const after = kind === 'start-no-later-than' ? start : kind === 'finish-no-later-than' ? finish : none * -1
      if (after > limit) found.push({ kind: 'constraint', task: task.id, constraint: kind, by: clock.between(limit, after) })
    }
    if (task.deadline !== undefined && finish > task.deadline)
      found.push({ kind: 'deadline', task: task.id, by: clock.between(task.deadline, finish) })
  }
  return found
}
