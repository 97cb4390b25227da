import type { Context } from '#kernel/context/context.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { Document } from '#kernel/documents/document.ts'
import { DefinitionInvalid } from '#kernel/meta/errors.ts'
import { bootstrapDocTypes } from '#kernel/meta/store.ts'
import { followDefinition } from '../custom_field/custom-field.ts'

interface PropertySetterFields {
  doc_type: string
  doctype_or_field: string
  field_name: string | null
  property: string
}

/** Properties that decide what a DocType is; a site may not turn one kind into another. */
const fixedProperties: ReadonlySet<string> = new Set([
  'name',
  'istable',
  'issingle',
  'is_virtual',
  'is_tree',
  'is_submittable',
  'fieldname',
  'app',
  'custom',
])

/** Overrides one property of a DocType or field for this site. */
export default class PropertySetter extends Document<PropertySetterFields> {
  async validate(ctx: Context): Promise<void> {
    const refuse = (field: string, reason: string): never => {
      throw new DefinitionInvalid({ doctype: this.doc_type, field, problems: [], reason })
    }
    if ((bootstrapDocTypes as readonly string[]).includes(this.doc_type)) refuse('doc_type', 'definitions themselves cannot be customised.')
    if (fixedProperties.has(this.property)) refuse('property', `"${this.property}" cannot be overridden.`)
    const meta = await ctx.site.meta.get(this.doc_type)
    if (this.doctype_or_field === 'DocField' && !meta.field.has(this.field_name ?? ''))
      refuse('field_name', `it has no field "${this.field_name}".`)
    await holdLock(ctx, 'schema')
  }

  async on_update(ctx: Context): Promise<void> {
    await followDefinition(ctx, this.doc_type)
  }

  /** An index may go, a column never does. */
  async after_delete(ctx: Context): Promise<void> {
    await followDefinition(ctx, this.doc_type)
  }
}
