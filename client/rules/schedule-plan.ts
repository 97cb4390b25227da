import { defineError } from './errors.ts'
import type { WorkClock } from './schedule-clock.ts'

/** What waits for what: the second's start or finish for the first's. */
export type LinkKind = 'FS' | 'SS' | 'FF' | 'SF'

export type ConstraintKind =
  | 'as-late-as-possible'
  | 'must-start-on'
  | 'must-finish-on'
  | 'start-no-earlier-than'
  | 'start-no-later-than'
  | 'finish-no-earlier-than'
  | 'finish-no-later-than'

/** A piece of work. Instants are milliseconds since 1970, amounts of work milliseconds of working time. */
export interface PlanTask {
  readonly id: string
  /** The task it is a part of. Whoever has parts has no work of its own: its dates follow from them. */
  readonly parent?: string | undefined
  readonly work: number
  /** Key in `clocks`; absent: that of the plan. */
  readonly calendar?: string | undefined
  readonly constraint?: { readonly kind: ConstraintKind; readonly at?: number | undefined } | undefined
  /** Dates that stay as they are, whatever the links say. */
  readonly pinned?: { readonly start: number; readonly finish: number } | undefined
  readonly actualStart?: number | undefined
  readonly actualFinish?: number | undefined
  /** 0 to 1, of what has begun. */
  readonly progress?: number | undefined
  /** By when it should be done; moves nothing, but is told when missed. */
  readonly deadline?: number | undefined
}

export interface PlanLink {
  readonly from: string
  readonly to: string
  readonly kind: LinkKind
  /** Working time of the plan's calendar; negative: the second may overlap. */
  readonly lag: number
}

export interface Plan {
  /** Nothing begins before it. */
  readonly start: number
  /** The present: what has not begun does not begin before it, and what remains of the rest is not done before it. */
  readonly asOf?: number | undefined
  readonly tasks: readonly PlanTask[]
  readonly links: readonly PlanLink[]
  readonly clocks: ReadonlyMap<string, WorkClock>
  /** Key of the plan's own calendar, which counts lags. */
  readonly calendar: string
}

/** Tasks that wait for one another; `chain` begins and ends with the same task. */
export const DependencyCycle = defineError<{ chain: readonly string[]; field: string }>({
  code: 'schedule/dependency-cycle',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: these tasks would wait for one another: ${d.chain.join(' → ')}.`,
})

/** A link that means nothing. */
export const BadLink = defineError<{ field: string; reason: string }>({
  code: 'schedule/bad-link',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

/** An incoming or outgoing link, the other end by index. */
export interface Edge {
  readonly other: number
  readonly link: PlanLink
}

/**
 * A plan made ready: tasks by index, links at both ends, and an order in which everything comes after what it waits for. A task with parts is
 * in the order twice: where its parts may begin (`~index`), and where they are all done (`index`).
 */
export interface Graph {
  readonly plan: Plan
  readonly index: ReadonlyMap<string, number>
  readonly parent: Int32Array
  readonly children: readonly (readonly number[])[]
  readonly incoming: readonly (readonly Edge[])[]
  readonly outgoing: readonly (readonly Edge[])[]
  readonly order: readonly number[]
  readonly clock: readonly WorkClock[]
  readonly planClock: WorkClock
}

/** @throws DependencyCycle, BadLink */
export function graphOf(plan: Plan): Graph {
  const { tasks } = plan
  const index = new Map(tasks.map((task, number) => [task.id, number]))
  if (index.size !== tasks.length) throw new BadLink({ field: 'tasks', reason: 'a task is there twice.' })
  const parent = new Int32Array(tasks.length).fill(-1)
  const children: number[][] = tasks.map(() => [])
  for (const [number, task] of tasks.entries()) {
    const above = task.parent === undefined ? undefined : index.get(task.parent)
    if (above === undefined) continue
    parent[number] = above
    children[above]?.push(number)
  }
  const incoming: Edge[][] = tasks.map(() => [])
  const outgoing: Edge[][] = tasks.map(() => [])
  for (const link of plan.links) {
    const [from, to] = [index.get(link.from), index.get(link.to)]
    if (from === undefined || to === undefined)
      throw new BadLink({ field: 'task', reason: `there is no task ${from === undefined ? link.from : link.to} in this plan.` })
    if (from === to) throw new DependencyCycle({ field: 'depends_on', chain: [link.from, link.from] })
    if ((children[to] as number[]).length > 0 && (link.kind === 'FF' || link.kind === 'SF'))
      throw new BadLink({
        field: 'dependency_type',
        reason: `${link.to} has parts; its finish follows from them and waits for nothing else.`,
      })
    incoming[to]?.push({ other: from, link })
    outgoing[from]?.push({ other: to, link })
  }
  const order = orderOf(plan, parent, children, incoming, outgoing)
  const planClock = clockNamed(plan, plan.calendar)
  const clock = tasks.map((task) => (task.calendar === undefined ? planClock : (plan.clocks.get(task.calendar) ?? planClock)))
  return { plan, index, parent, children, incoming, outgoing, order, clock, planClock }
}

function clockNamed(plan: Plan, name: string): WorkClock {
  const clock = plan.clocks.get(name)
  if (!clock) throw new Error(`The plan has no calendar ${name}.`)
  return clock
}

/** Nodes as in `Graph.order`: what a node is followed by. */
function followers(node: number, parent: Int32Array, children: readonly number[][], outgoing: readonly Edge[][]): number[] {
  const enter = (task: number) => ((children[task] as number[]).length > 0 ? ~task : task)
  if (node < 0) return (children[~node] as number[]).map(enter)
  const above = parent[node] as number
  return [...(outgoing[node] as Edge[]).map(({ other }) => enter(other)), ...(above >= 0 ? [above] : [])]
}

function orderOf(
  plan: Plan,
  parent: Int32Array,
  children: readonly number[][],
  incoming: readonly Edge[][],
  outgoing: readonly Edge[][],
): number[] {
  const count = plan.tasks.length
  const place = (node: number) => (node < 0 ? count + ~node : node)
  const waits = new Int32Array(2 * count)
  const nodes: number[] = []
  for (let task = 0; task < count; task++) {
    const isGroup = (children[task] as number[]).length > 0
    const entry = isGroup ? ~task : task
    waits[place(entry)] = (incoming[task] as Edge[]).length + ((parent[task] as number) >= 0 ? 1 : 0)
    if (isGroup) waits[place(task)] = (children[task] as number[]).length
    nodes.push(entry, ...(isGroup ? [task] : []))
  }
  const order = nodes.filter((node) => waits[place(node)] === 0)
  for (let at = 0; at < order.length; at++)
    for (const next of followers(order[at] as number, parent, children, outgoing)) {
      const left = (waits[place(next)] as number) - 1
      waits[place(next)] = left
      if (left === 0) order.push(next)
    }
  if (order.length < nodes.length)
    throw new DependencyCycle({ field: 'depends_on', chain: cycleAmong(plan, nodes, order, parent, children, outgoing) })
  return order
}

/** A circle among the nodes that could not be ordered: whoever follows one of them long enough comes back. */
function cycleAmong(
  plan: Plan,
  nodes: readonly number[],
  order: readonly number[],
  parent: Int32Array,
  children: readonly number[][],
  outgoing: readonly Edge[][],
): string[] {
  const done = new Set(order)
  const left = new Set(nodes.filter((node) => !done.has(node)))
  // What only follows a circle is taken away from its end, so that every node that stays leads to another.
  for (let shrinks = true; shrinks; ) {
    shrinks = false
    for (const node of left) if (!followers(node, parent, children, outgoing).some((next) => left.has(next))) shrinks = left.delete(node)
  }
  const seen: number[] = []
  let node = [...left][0] as number
  while (!seen.includes(node)) {
    seen.push(node)
    node = followers(node, parent, children, outgoing).find((next) => left.has(next)) as number
  }
  const circle = [...seen.slice(seen.indexOf(node)), node]
  const names = circle.map((one) => (plan.tasks[one < 0 ? ~one : one] as PlanTask).id)
  return names.filter((name, position) => position === 0 || name !== names[position - 1])
}
