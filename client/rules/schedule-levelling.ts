import { emptyDates, placeNode } from './schedule-forward.ts'
import { type Graph, graphOf, type Plan, type PlanTask } from './schedule-plan.ts'
import { schedule } from './schedule.ts'

/** What a task needs while it runs. */
export interface Demand {
  readonly task: string
  readonly resource: string
  readonly units: number
}

export interface LevellingOptions {
  /** Orders that are tried beside the first; the best is kept. Default 0. */
  readonly tries?: number
  /** Where the tries begin: the same seed gives the same result. */
  readonly seed?: number
}

export interface Levelled {
  /** For `schedule`: before which instants tasks do not begin, by id. */
  readonly notBefore: ReadonlyMap<string, number>
  readonly finish: number
}

interface Need {
  readonly resource: string
  readonly units: number
}

/** Who is busy when: intervals by resource. */
type Busy = Map<string, { start: number; finish: number; units: number }[]>

/**
 * Postpones tasks until nobody and nothing is needed more than there is: one after another, the most urgent first, each as early as it then
 * fits. What is pinned or has begun stays and takes its share first. A need greater than all there is counts as all there is.
 * @param capacity units by resource; what is not named is without limit
 * @throws DependencyCycle, BadLink, NoWorkingTime
 */
export function level(
  plan: Plan,
  demands: readonly Demand[],
  capacity: ReadonlyMap<string, number>,
  { tries = 0, seed = 1 }: LevellingOptions = {},
): Levelled {
  const graph = graphOf(plan)
  const needs = needsOf(graph, demands, capacity)
  const loose = schedule(plan)
  const urgency = Float64Array.from(plan.tasks, ({ id }) => loose.tasks.get(id)?.lateStart ?? 0)
  let best = place(graph, needs, capacity, urgency)
  const random = generator(seed)
  for (let attempt = 0; attempt < tries && best.finish > loose.finish; attempt++) {
    const spread = (loose.finish - loose.start) * 0.25
    // An order that worked well is a good one to begin from, too.
    const base = attempt % 2 === 0 ? urgency : best.starts
    const found = place(
      graph,
      needs,
      capacity,
      base.map((value) => value + (random() - 0.5) * spread * 2),
    )
    if (found.finish < best.finish) best = found
  }
  const notBefore = new Map<string, number>()
  for (const [index, { id }] of plan.tasks.entries())
    if ((needs[index] as Need[]).length > 0) notBefore.set(id, best.starts[index] as number)
  return { notBefore, finish: best.finish }
}

function needsOf(graph: Graph, demands: readonly Demand[], capacity: ReadonlyMap<string, number>): Need[][] {
  const needs: Need[][] = graph.plan.tasks.map(() => [])
  for (const { task, resource, units } of demands) {
    const index = graph.index.get(task)
    const most = capacity.get(resource)
    if (index === undefined || most === undefined || units <= 0 || (graph.plan.tasks[index] as PlanTask).work === 0) continue
    needs[index]?.push({ resource, units: Math.min(units, most) })
  }
  return needs
}

const isFixed = ({ pinned, actualStart, actualFinish }: PlanTask): boolean =>
  pinned !== undefined || actualStart !== undefined || actualFinish !== undefined

function place(
  graph: Graph,
  needs: readonly Need[][],
  capacity: ReadonlyMap<string, number>,
  urgency: Float64Array,
): { starts: Float64Array; finish: number } {
  const { tasks } = graph.plan
  const dates = emptyDates(tasks.length)
  const busy: Busy = new Map()
  const occupy = (node: number) => {
    for (const { resource, units } of needs[node] as Need[]) {
      const list = busy.get(resource) ?? []
      list.push({ start: dates.start[node] as number, finish: dates.finish[node] as number, units })
      busy.set(resource, list)
    }
  }
  for (const [node, task] of tasks.entries())
    if (isFixed(task) && (graph.children[node] as readonly number[]).length === 0 && task.actualFinish === undefined) {
      placeNode(graph, dates, node)
      occupy(node)
    }
  for (const node of urgentOrder(graph, urgency)) {
    placeNode(graph, dates, node)
    const task = tasks[node < 0 ? ~node : node] as PlanTask
    if (node < 0 || isFixed(task) || (needs[node] as Need[]).length === 0) continue
    for (;;) {
      const later = nextChance(busy, needs[node] as Need[], capacity, dates.start[node] as number, dates.finish[node] as number)
      if (later === undefined) break
      placeNode(graph, dates, node, later)
      // A date that must be kept is kept, whoever is needed twice then.
      if ((dates.start[node] as number) < later) break
    }
    occupy(node)
  }
  return { starts: dates.start, finish: dates.finish.reduce((last, at) => Math.max(last, at), graph.plan.start) }
}

/** The nodes of the graph in an order that respects it, the most urgent of those that may come next first. */
function urgentOrder(graph: Graph, urgency: Float64Array): number[] {
  const count = graph.plan.tasks.length
  const rank = (node: number) => urgency[node < 0 ? ~node : node] as number
  const place = (node: number) => (node < 0 ? count + ~node : node)
  const isGroup = (task: number) => (graph.children[task] as readonly number[]).length > 0
  const enter = (task: number) => (isGroup(task) ? ~task : task)
  const waits = new Int32Array(2 * count)
  for (let task = 0; task < count; task++) {
    waits[place(enter(task))] = (graph.incoming[task]?.length ?? 0) + ((graph.parent[task] as number) >= 0 ? 1 : 0)
    if (isGroup(task)) waits[place(task)] = graph.children[task]?.length ?? 0
  }
  const ready = new Heap(rank)
  for (const node of graph.order) if (waits[place(node)] === 0) ready.add(node)
  const order: number[] = []
  for (let node = ready.take(); node !== undefined; node = ready.take()) {
    order.push(node)
    const above = graph.parent[node] as number
    const next =
      node < 0 ? (graph.children[~node] as readonly number[]).map(enter) : (graph.outgoing[node] ?? []).map(({ other }) => enter(other))
    for (const follower of node >= 0 && above >= 0 ? [...next, above] : next) {
      const left = (waits[place(follower)] as number) - 1
      waits[place(follower)] = left
      if (left === 0) ready.add(follower)
    }
  }
  return order
}

/** When to try again; undefined: it fits. */
function nextChance(
  busy: Busy,
  needs: readonly Need[],
  capacity: ReadonlyMap<string, number>,
  start: number,
  finish: number,
): number | undefined {
  let chance: number | undefined
  for (const { resource, units } of needs) {
    const overlapping = (busy.get(resource) ?? []).filter((one) => one.start < finish && one.finish > start)
    const free = (capacity.get(resource) as number) - units
    const times = [start, ...overlapping.map((one) => one.start).filter((at) => at > start)]
    for (const at of times) {
      const then = overlapping.filter((one) => one.start <= at && one.finish > at)
      if (then.reduce((sum, one) => sum + one.units, 0) <= free) continue
      chance = Math.max(chance ?? 0, Math.min(...then.map((one) => one.finish)))
      break
    }
  }
  return chance
}

/** Nodes by rank, the lowest first; of equals the one that is first by number. */
class Heap {
  readonly #rank: (node: number) => number
  readonly #nodes: number[] = []

  constructor(rank: (node: number) => number) {
    this.#rank = rank
  }

  add(node: number): void {
    const nodes = this.#nodes
    let at = nodes.push(node) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.#before(nodes[at] as number, nodes[above] as number)) break
      this.#swap(at, above)
      at = above
    }
  }

  take(): number | undefined {
    const nodes = this.#nodes
    const first = nodes[0]
    const last = nodes.pop()
    if (first === undefined || last === undefined || nodes.length === 0) return first
    nodes[0] = last
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      if (left < nodes.length && this.#before(nodes[left] as number, nodes[least] as number)) least = left
      if (right < nodes.length && this.#before(nodes[right] as number, nodes[least] as number)) least = right
      if (least === at) return first
      this.#swap(at, least)
      at = least
    }
  }

  #before(a: number, b: number): boolean {
    const [first, second] = [this.#rank(a), this.#rank(b)]
    return first < second || (first === second && a < b)
  }

  #swap(a: number, b: number): void {
    const nodes = this.#nodes
    ;[nodes[a], nodes[b]] = [nodes[b] as number, nodes[a] as number]
  }
}

/** Numbers from 0 to 1 that are the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}
