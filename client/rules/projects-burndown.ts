/** How a task stands to a sprint from a moment on. Events come in order. */
export interface SprintEvent {
  /** UTC, of one length, so that text compares. */
  readonly at: string
  readonly task: string
  readonly inSprint: boolean
  readonly points: number
  readonly isDone: boolean
}

export interface SprintState {
  /** Points of everything in it. */
  readonly scope: number
  readonly completed: number
  readonly tasks: number
}

export interface BurndownDay extends SprintState {
  readonly day: string
  readonly remaining: number
  /** What would remain if work were even over the working days. */
  readonly ideal: number
}

/** How a sprint stood at a moment, from its events up to then and nothing else. @param until included; absent: all */
export function sprintAt(events: readonly SprintEvent[], until?: string): SprintState {
  const last = new Map<string, SprintEvent>()
  for (const event of events) if (until === undefined || event.at <= until) last.set(event.task, event)
  const inside = [...last.values()].filter(({ inSprint }) => inSprint)
  const sum = (list: readonly SprintEvent[]) => list.reduce((total, { points }) => total + points, 0)
  return { scope: sum(inside), completed: sum(inside.filter(({ isDone }) => isDone)), tasks: inside.length }
}

export interface SprintDay {
  readonly day: string
  /** The last moment of the day where the organization is, in UTC. */
  readonly end: string
  readonly works: boolean
}

/**
 * One line per day that has passed or passes, the ideal for all of them.
 * @param committed points at the start
 * @param now days that begin later show the ideal only and are left out of the lines
 */
export function burndown(
  events: readonly SprintEvent[],
  days: readonly SprintDay[],
  committed: number,
  now: string,
): { lines: BurndownDay[]; ideal: { day: string; points: number }[] } {
  const working = Math.max(1, days.filter(({ works }) => works).length)
  let worked = 0
  let before = ''
  const lines: BurndownDay[] = []
  const ideal: { day: string; points: number }[] = []
  for (const { day, end, works } of days) {
    if (works) worked++
    const points = Math.round(committed * (1 - Math.min(worked, working) / working) * 100) / 100
    ideal.push({ day, points })
    if (before < now) {
      const state = sprintAt(events, end)
      lines.push({ day, ...state, remaining: state.scope - state.completed, ideal: points })
    }
    before = end
  }
  return { lines, ideal }
}

/** Points per sprint: the mean of the last ones, and the spread between the worst and the best of them. */
export function velocityOf(completed: readonly number[]): { average: number; worst: number; best: number } | undefined {
  if (completed.length === 0) return undefined
  const average = completed.reduce((sum, points) => sum + points, 0) / completed.length
  return { average: Math.round(average * 100) / 100, worst: Math.min(...completed), best: Math.max(...completed) }
}
