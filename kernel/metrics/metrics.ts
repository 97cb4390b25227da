import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/**
 * The figures of this process, for whoever operates it; server/http serves them at `/metrics`. One registry per process, as
 * Prometheus means it: sites are a label where a figure is a tenant's.
 */
export const registry = new Registry()

/** A figure's name as Prometheus shows it, what it means, and its labels. */
export interface Figure<Label extends string> {
  /** Starts with `px_`; ends in the unit (`_seconds`, `_bytes`) or in `_total`. */
  readonly name: string
  readonly help: string
  readonly labels?: readonly Label[]
}

/** A figure that only grows. */
export function counter<Label extends string = never>({ name, help, labels = [] }: Figure<Label>): Counter<Label> {
  return new Counter({ name, help, labelNames: labels, registers: [registry] })
}

/** How long things take, in buckets of seconds. */
export function histogram<Label extends string = never>(
  { name, help, labels = [] }: Figure<Label>,
  buckets: readonly number[],
): Histogram<Label> {
  return new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers: [registry] })
}

/** A figure that goes up and down; with `collect` it is read when somebody asks. */
export function gauge<Label extends string = never>(
  { name, help, labels = [] }: Figure<Label>,
  collect?: (gauge: Gauge<Label>) => Promise<void> | void,
): Gauge<Label> {
  return new Gauge({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    ...(collect && {
      collect(this: Gauge<Label>) {
        return collect(this)
      },
    }),
  })
}
