/** How the progress of a project is told. */
export type ProgressMethod = 'Manual' | 'Task Completion' | 'Task Progress' | 'Task Weight'

export interface TaskProgress {
  readonly status: string
  /** 0 to 100. */
  readonly progress: number
  readonly weight: number
}

/**
 * Percent of a project that is done, with two digits, from its tasks without parts. What was cancelled does not count; a task without weight
 * weighs nothing, unless none has any: then all weigh the same.
 * @returns undefined with the method `Manual`, and where there is nothing to count
 */
export function percentComplete(method: ProgressMethod, tasks: readonly TaskProgress[]): number | undefined {
  const counted = tasks.filter(({ status }) => status !== 'Cancelled' && status !== 'Template')
  if (method === 'Manual' || counted.length === 0) return undefined
  if (method === 'Task Completion') return twoDigits((counted.filter(isDone).length / counted.length) * 100)
  if (method === 'Task Progress') return twoDigits(counted.reduce((sum, task) => sum + share(task), 0) / counted.length)
  const total = counted.reduce((sum, { weight }) => sum + weight, 0)
  if (total === 0) return twoDigits(counted.reduce((sum, task) => sum + share(task), 0) / counted.length)
  return twoDigits(counted.reduce((sum, task) => sum + share(task) * task.weight, 0) / total)
}

const isDone = ({ status }: TaskProgress): boolean => status === 'Completed'
const share = (task: TaskProgress): number => (isDone(task) ? 100 : task.progress)
const twoDigits = (value: number): number => Math.round((value + Number.EPSILON) * 100) / 100
