import type { FilterOperator } from './rules/filters.ts'

/** A filter on one field: the value itself, nothing (null: not set), or an operator with what it needs. */
export type FieldFilter<Value> =
  | Value
  | null
  | readonly ['=' | '!=' | '<' | '<=' | '>' | '>=', Value | null]
  | readonly ['like' | 'not like', string]
  | readonly ['in' | 'not in', readonly (Value | null)[]]
  | readonly ['is', 'set' | 'not set']
  | readonly ['between', readonly [Value, Value]]
  | readonly ['timespan' | 'previous' | 'next', string]
  | readonly [Extract<FilterOperator, `${string} of${string}`>, string]

/** The same, with the field in front. */
export type Condition<Document> = {
  [Field in keyof Document & string]: readonly [Field, FilterOperator, unknown] | readonly [Field, NonNullable<Document[Field]> | null]
}[keyof Document & string]

/** Conditions that must all hold: by field, or as a list of conditions (a field may then appear twice). */
export type FiltersOf<Document> =
  | { readonly [Field in keyof Document]?: FieldFilter<NonNullable<Document[Field]>> }
  | readonly Condition<Document>[]

/**
 * Filters as the server reads them: JSON text of a list of `[field, operator, value]`. A plain null becomes “not set”.
 * Undefined when there is nothing to filter by; fields whose value is undefined are left out.
 */
export function wireFilters(filters: FiltersOf<never> | object | undefined): string | undefined {
  if (filters === undefined) return undefined
  const conditions = isList(filters)
    ? filters.map((condition) => (condition.length === 2 ? triple(String(condition[0]), condition[1]) : condition))
    : Object.entries(filters)
        .filter(([, value]) => value !== undefined)
        .map(([field, value]) => triple(field, value))
  return conditions.length === 0 ? undefined : JSON.stringify(conditions)
}

function triple(field: string, value: unknown): readonly unknown[] {
  if (value === null) return [field, 'is', 'not set']
  return Array.isArray(value) ? [field, ...value] : [field, '=', value]
}

function isList(filters: object): filters is readonly (readonly unknown[])[] {
  return Array.isArray(filters)
}
