import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { PositionRefused } from '../../errors.ts'

interface LinkRow extends ChildFields {
  link_doctype: string
  link_name: string
}

interface AddressFields {
  address_title: string | null
  address_line1: string
  city: string | null
  latitude: number
  longitude: number
  geolocation: string | null
  links: LinkRow[]
}

/** Where somebody lives or works. Degrees are WGS 84; 0/0, in the sea off Africa, means that nobody has said where it is. */
export default class Address extends Document<AddressFields> {
  async validate(ctx: Context): Promise<void> {
    if (Math.abs(this.latitude) > 90) throw new PositionRefused({ field: 'latitude', most: 90 })
    if (Math.abs(this.longitude) > 180) throw new PositionRefused({ field: 'longitude', most: 180 })
    this.address_title ||=
      (await this.titleOfOwner(ctx)) ?? ([this.address_line1, this.city].filter(Boolean).join(', ').slice(0, 140) || null)
    const isPlaced = this.latitude !== 0 || this.longitude !== 0
    if (isPlaced && !this.geolocation) this.geolocation = pointAt(this.longitude, this.latitude)
  }

  private async titleOfOwner(ctx: Context): Promise<string | undefined> {
    const link = this.links[0]
    if (!link || !(await ctx.site.meta.exists(link.link_doctype))) return undefined
    const meta = await ctx.site.meta.get(link.link_doctype)
    const owner = await find(ctx, meta, link.link_name)
    const title = owner?.[meta.definition.title_field ?? 'name']
    return typeof title === 'string' ? title.slice(0, 140) : undefined
  }
}

function pointAt(longitude: number, latitude: number): string {
  const geometry = { type: 'Point', coordinates: [longitude, latitude] }
  return JSON.stringify({ type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry }] })
}
