import type { Context } from '#kernel/context/context.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { Document } from '#kernel/documents/document.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { list } from '#kernel/query/list.ts'
import { PublishRefused, ViewInvalid } from '../../../errors.ts'

interface SavedViewFields {
  dt: string
  type: string
  public: 0 | 1
  filters: string | null
  columns: string | null
  order_by: string | null
  group_by_field: string | null
  column_field: string | null
}

/** Who may put a view before everybody. */
const publishers = [
  'System Manager',
  'Super Admin',
  'Sales Manager',
  'Sales Master Manager',
  'Support Manager',
  'Projects Manager',
  'HR Manager',
  'Finance Manager',
  'Dispatch Manager',
]

/** A list as somebody arranged it. It shows nobody more than they may see: whoever opens it asks with their own rights. */
export default class SavedView extends Document<SavedViewFields> {
  async validate(ctx: Context, { before }: { before?: SavedViewFields } = {}): Promise<void> {
    const isShared = this.public === 1 || before?.public === 1
    if (isShared && !ctx.user.unrestricted && !publishers.some((role) => ctx.user.roles.has(role)))
      throw new PublishRefused({ field: 'public' })
    await demand(ctx, 'read', this.dt)
    const columns = this.readColumns()
    await this.demandFields(ctx, columns)
    await this.tryOut(ctx)
  }

  private readColumns(): string[] {
    const columns = parsed(this.columns, 'columns') ?? []
    if (!Array.isArray(columns) || columns.some((column) => typeof column !== 'string'))
      throw new ViewInvalid({ field: 'columns', reason: 'it must be a list of field names.' })
    return columns as string[]
  }

  private async demandFields(ctx: Context, columns: readonly string[]): Promise<void> {
    const meta = await ctx.site.meta.get(this.dt)
    const access = await fieldAccess(ctx, meta)
    const used = [
      ...columns.map((name, index) => [`columns[${index}]`, name]),
      ['group_by_field', this.group_by_field],
      ['column_field', this.column_field],
    ]
    for (const [place, name] of used as [string, string | null][]) {
      if (!name) continue
      const field = meta.column.get(name)
      if (!field || !access.canRead(field)) throw new ViewInvalid({ field: place, reason: `${this.dt} has no field “${name}” for you.` })
    }
  }

  /** Filters and order are tried where they will be used. @throws the errors of lists */
  private async tryOut(ctx: Context): Promise<void> {
    const filters = parsed(this.filters, 'filters')
    await list(ctx, this.dt, {
      ...(filters !== null && { filters }),
      ...(this.order_by && { orderBy: this.order_by }),
      limit: 1,
      wire: documentForm,
    })
  }
}

function parsed(text: string | null, field: string): unknown {
  if (text === null || text === '') return null
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new ViewInvalid({ field, reason: 'it is no JSON.' })
  }
}
