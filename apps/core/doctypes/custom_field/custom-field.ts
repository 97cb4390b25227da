import { isFieldname } from '#client/rules/formats.ts'
import type { Context } from '#kernel/context/context.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { Document } from '#kernel/documents/document.ts'
import { DefinitionInvalid } from '#kernel/meta/errors.ts'
import { bootstrapDocTypes } from '#kernel/meta/store.ts'
import { metaWithin } from '#kernel/meta/within.ts'
import { syncWithin } from '#kernel/schema/within.ts'

interface CustomFieldFields {
  dt: string
  label: string | null
  fieldname: string | null
  fieldtype: string
}

/** A field that a site adds to a DocType; its column appears in the same transaction. */
export default class CustomField extends Document<CustomFieldFields> {
  before_naming(): void {
    this.fieldname ||= fieldnameOf(this.label ?? '')
  }

  async validate(ctx: Context): Promise<void> {
    const refuse = (reason: string): never => {
      throw new DefinitionInvalid({ doctype: this.dt, field: 'fieldname', problems: [], reason })
    }
    if ((bootstrapDocTypes as readonly string[]).includes(this.dt)) refuse('definitions themselves cannot have custom fields.')
    if (!isFieldname(this.fieldname ?? '')) refuse(`"${this.fieldname}" cannot be a fieldname.`)
    const meta = await ctx.site.meta.get(this.dt)
    // Columns that differ in case alone are one column to some databases.
    const wanted = (this.fieldname ?? '').toLowerCase()
    const clash = [...meta.fields, ...meta.columns].find((field) => field.fieldname.toLowerCase() === wanted)
    const isNew = !this.creation || this.creation === this.modified
    if (isNew && clash) refuse(`it has a field "${clash.fieldname}" already.`)
    await holdLock(ctx, 'schema')
  }

  async on_update(ctx: Context): Promise<void> {
    await followDefinition(ctx, this.dt)
  }

  /** An index may go, a column never does. */
  async after_delete(ctx: Context): Promise<void> {
    await followDefinition(ctx, this.dt)
  }
}

/** Makes the table of a DocType follow what this unit of work changed about it. */
export async function followDefinition(ctx: Context, doctype: string): Promise<void> {
  const meta = await metaWithin(ctx, doctype)
  await syncWithin(ctx.site.database, await ctx.db.begin(), [meta], { scopes: ctx.site.apps.scopes })
}

function fieldnameOf(label: string): string {
  return label
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 60)
}
