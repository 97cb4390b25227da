import type { Site } from '#kernel/sites/site.ts'
import type { Clock, Context, Principal, RequestFacts, UserMessage } from './context.ts'
import { RequestDatabase } from './request-database.ts'

/** What the contexts of one request or job share: the transaction, what to tell the user, and what waits for the commit. */
interface Unit {
  readonly site: Site
  readonly db: RequestDatabase
  readonly clock: Clock
  readonly request: RequestFacts
  readonly messages: UserMessage[]
  readonly answer: Record<string, unknown>
  readonly effects: (() => Promise<void> | void)[]
}

class UnitContext implements Context {
  readonly user: Principal
  readonly elevation: string | undefined
  readonly memo: Map<string, unknown> = new Map()
  readonly #unit: Unit

  constructor(unit: Unit, user: Principal, elevation: string | undefined) {
    this.#unit = unit
    this.user = user
    this.elevation = elevation
  }

  get site(): Site {
    return this.#unit.site
  }
  get db(): RequestDatabase {
    return this.#unit.db
  }
  get clock(): Clock {
    return this.#unit.clock
  }
  get request(): RequestFacts {
    return this.#unit.request
  }
  get messages(): UserMessage[] {
    return this.#unit.messages
  }
  get answer(): Record<string, unknown> {
    return this.#unit.answer
  }

  as(user: Principal): Context {
    return new UnitContext(this.#unit, user, undefined)
  }

  asSystem(why: string): Context {
    if (why.trim() === '') throw new Error('An elevated context needs a reason.')
    const reason = this.elevation ? `${this.elevation}; ${why}` : why
    return new UnitContext(this.#unit, { ...this.user, unrestricted: true }, reason)
  }

  afterCommit(effect: () => Promise<void> | void): void {
    this.#unit.effects.push(effect)
  }
}

/** A context with its own unit of work, and the means to end it. Only `Site.run` opens one. */
export interface OpenUnit {
  readonly ctx: Context
  /** Commits, then runs the after-commit effects; an effect that fails is logged and hurts no other. */
  commit(): Promise<void>
  rollback(): Promise<void>
}

export function openUnit(site: Site, user: Principal, request: RequestFacts, elevation?: string): OpenUnit {
  const effects: Unit['effects'] = []
  const db = new RequestDatabase(site.database, () => {
    const kept = effects.length
    return () => void effects.splice(kept)
  })
  const unit: Unit = { site, db, clock: site.clock, request, messages: [], answer: {}, effects }
  return {
    ctx: new UnitContext(unit, user, elevation),
    async commit() {
      await db.commit()
      for (const effect of unit.effects) {
        try {
          await effect()
        } catch (error) {
          site.log.error({ err: error, request: request.id }, 'an after-commit effect failed')
        }
      }
    },
    rollback: () => db.rollback(),
  }
}
