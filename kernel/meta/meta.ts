import type { FieldType } from '#kernel/fields/field-type.ts'
import type { DocTypeDefinition, FieldDefinition, PermissionRow } from './definition.ts'

/** A field together with what its type does. */
export interface MetaField extends FieldDefinition {
  readonly type: FieldType
  readonly permlevel: number
  /** Has a column in the DocType's own table. */
  readonly stored: boolean
}

/**
 * A DocType ready for use on one site: its definition with custom fields and property setters applied, indexed for speed.
 * Immutable; a change of definition makes a new one.
 */
export interface Meta {
  readonly name: string
  readonly definition: DocTypeDefinition
  /** App that brought it, or '' for one made at run time. */
  readonly app: string
  readonly table: string
  /** Every field in display order, layout fields included; standard fields (name, owner …) not. */
  readonly fields: readonly MetaField[]
  readonly field: ReadonlyMap<string, MetaField>
  /** Fields with a column, in order, the standard ones first (see standard-fields.ts). */
  readonly columns: readonly MetaField[]
  readonly column: ReadonlyMap<string, MetaField>
  /** Table and Table MultiSelect fields. */
  readonly tables: readonly MetaField[]
  readonly links: readonly MetaField[] // Link fields
  readonly dynamicLinks: readonly MetaField[]
  readonly permissions: readonly PermissionRow[] // custom rows replace the standard ones
  readonly isTable: boolean
  readonly isSingle: boolean
  readonly isTree: boolean
  readonly isSubmittable: boolean
  readonly isVirtual: boolean
  /** Fieldname of the tree's parent link; '' when not a tree. */
  readonly parentField: string
  readonly titleField: string // '' when none
  readonly searchFields: readonly string[]
}
