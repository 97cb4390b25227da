import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { Document } from '#kernel/documents/document.ts'
import { BadDealFigures } from '#client/rules/crm-deal.ts'
import { StageInUse } from '../../errors.ts'

interface DealStageFields {
  stage_name: string
  pipeline: string
  organization: string
  type: string
  probability: number
}

/** A step of a pipeline. Its kind decides what a deal in it counts as, so it stays while deals are there. */
export default class DealStage extends Document<DealStageFields> {
  async validate(ctx: Context, { before }: { before?: DealStageFields } = {}): Promise<void> {
    if (this.probability < 0 || this.probability > 100)
      throw new BadDealFigures({ field: 'probability', reason: 'it must be from 0 to 100.' })
    if (this.type === 'Won') this.probability = 100
    if (this.type === 'Lost') this.probability = 0
    if (before && before.type !== this.type && (await this.hasDeals(ctx))) throw new StageInUse({ field: 'type', stage: this.stage_name })
  }

  private async hasDeals(ctx: Context): Promise<boolean> {
    const rows = await ctx.db.query(
      ctx.db.dialect.compile(sql`select 1 as one from ${ident('tabDeal')} where sales_stage = ${this.name} limit 1`),
    )
    return rows.length > 0
  }
}
