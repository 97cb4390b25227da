import { partsOf } from '#kernel/apps/apps.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Site } from '#kernel/sites/site.ts'
import { SagaUnknown } from './errors.ts'

/** Steps that belong together although no transaction can hold them: an app declares it with `defineSaga` under `sagas`. */
export interface Saga {
  /** Lower case, digits, `_`, `-`, `.`; unique on the site. */
  readonly name: string
  /** In the order in which they are done; undone in the reverse. */
  readonly steps: readonly SagaStep[]
  /** Milliseconds after which a saga that is not done turns back. */
  readonly timeoutMs: number
  /** Why its steps run without permission checks; absent: with the rights of whoever started it. Undoing always runs elevated. */
  readonly asSystem?: string
}

/** One step, with its undoing or the reason why there is none. */
export interface SagaStep {
  readonly name: string
  /**
   * True: it writes to the site's own database and calls nobody. Local steps in a row share one transaction. False: it calls somebody
   * outside first, and then may write; what it writes is committed with its result.
   */
  readonly isLocal: boolean
  /** The work; its result (JSON, up to 100,000 characters) is there for the later steps and for undoing. */
  readonly action: (ctx: Context, state: SagaState, call: SagaCall) => Promise<unknown>
  /**
   * Takes the step back. May be called several times, and for a step of which nobody knows whether it was done: then `undo.isUnsure`, and it
   * asks the other side by `undo.actionKey`.
   */
  readonly compensate?: (ctx: Context, state: SagaState, undo: UndoCall) => Promise<unknown>
  /** Why the step cannot be taken back (a mail that was sent); needed where there is no `compensate`. */
  readonly cannotBeUndone?: string
  readonly retry: StepRetry
  readonly undoRetry: StepRetry
  /** Milliseconds for one try, of doing or of undoing. */
  readonly timeoutMs: number
}

/** How often a step is tried, and the waits between: doubled each time from `firstMs`, up to `mostMs`, with jitter. */
export interface StepRetry {
  readonly attempts: number
  readonly firstMs: number
  readonly mostMs: number
}

/** What a saga knows. Plain JSON: it is read back after each step. */
export interface SagaState {
  readonly input: Readonly<Record<string, unknown>>
  /** By step. */
  readonly results: Readonly<Record<string, unknown>>
  /** Name of the Saga Log. */
  readonly saga: string
  readonly organization: string
}

/** What a step knows of its try. */
export interface SagaCall {
  /** The same for all tries of this step of this saga, and for no other: hand it to the other side as its idempotency key. */
  readonly idempotencyKey: string
  /** 1 for the first. */
  readonly attempt: number
  /** Aborted when the time of the try or of the saga is up: pass it on. */
  readonly signal: AbortSignal
}

/** What undoing knows beside. */
export interface UndoCall extends SagaCall {
  /** What the action gave; undefined where that is not known. */
  readonly result: unknown
  /** Nobody knows whether the step was done: its answer never came. */
  readonly isUnsure: boolean
  /** The key under which the step was tried. */
  readonly actionKey: string
}

/** What `defineSaga` is told of a step. */
export type StepDeclaration = Pick<SagaStep, 'name' | 'action' | 'compensate' | 'cannotBeUndone'> & {
  readonly isLocal?: boolean
  /** Default: three tries, waits of 1 s doubled up to 30 s. */
  readonly retry?: Partial<StepRetry>
  /** Default: eight tries, waits of half a second doubled up to 15 s. */
  readonly undoRetry?: Partial<StepRetry>
  /** Default 30,000; at most 120,000. */
  readonly timeoutMs?: number
}

/** What `defineSaga` is told. */
export interface SagaDeclaration {
  readonly name: string
  readonly steps: readonly StepDeclaration[]
  /** Default: an hour. */
  readonly timeoutMs?: number
  readonly asSystem?: string
}

const longestStepMs = 120_000

/** Declares a saga. @throws Error where the declaration cannot be meant: it is code, not input */
export function defineSaga(declaration: SagaDeclaration): Saga {
  const refuse = (reason: string): never => {
    throw new Error(`The saga "${declaration.name}" ${reason}`)
  }
  if (!/^[a-z][a-z0-9_.-]{0,99}$/.test(declaration.name)) refuse('cannot be called that.')
  const steps = declaration.steps.map((step): SagaStep => {
    const made: SagaStep = {
      ...step,
      isLocal: step.isLocal ?? false,
      retry: { attempts: 3, firstMs: 1000, mostMs: 30_000, ...step.retry },
      undoRetry: { attempts: 8, firstMs: 500, mostMs: 15_000, ...step.undoRetry },
      timeoutMs: step.timeoutMs ?? 30_000,
    }
    if (!/^[a-z][a-z0-9_-]{0,59}$/.test(made.name)) refuse(`has a step that cannot be called "${made.name}".`)
    if (!made.compensate === !made.cannotBeUndone?.trim())
      refuse(`must say of the step ${made.name} either how it is undone (compensate) or why it cannot be (cannotBeUndone).`)
    for (const { attempts, firstMs, mostMs } of [made.retry, made.undoRetry])
      if ([attempts, firstMs, mostMs].some((number) => !Number.isInteger(number) || number < 1))
        refuse(`has a limit of the step ${made.name} that is no whole number above 0.`)
    if (!(made.timeoutMs >= 1 && made.timeoutMs <= longestStepMs))
      refuse(`gives the step ${made.name} more than ${longestStepMs / 1000} s.`)
    return Object.freeze(made)
  })
  if (steps.length === 0) refuse('has no steps.')
  if (new Set(steps.map(({ name }) => name)).size < steps.length) refuse('names two steps alike.')
  const timeoutMs = declaration.timeoutMs ?? 3_600_000
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) refuse('has a time that is no whole number of milliseconds.')
  return Object.freeze({ ...declaration, steps, timeoutMs })
}

/** The saga of that name among the site's apps; undefined: none declares it. */
export function findSaga(site: Site, name: string): Saga | undefined {
  return site.apps.all
    .flatMap(partsOf)
    .flatMap((part) => part.sagas ?? [])
    .find((saga) => saga.name === name)
}

/** As `findSaga`. @throws SagaUnknown */
export function sagaNamed(site: Site, name: string): Saga {
  const saga = findSaga(site, name)
  if (!saga) throw new SagaUnknown({ saga: name.slice(0, 140) })
  return saga
}
