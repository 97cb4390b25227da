import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { NobodyNamed } from '../../errors.ts'
import { mailKey, phoneKey, type Reachable, writeKeys } from '../../reachable.ts'

interface EmailRow extends ChildFields {
  email_id: string
  is_primary: 0 | 1
}

interface PhoneRow extends ChildFields {
  phone: string
  is_primary_phone: 0 | 1
  is_primary_mobile_no: 0 | 1
  phone_key: string | null
}

interface ContactFields extends Reachable {
  first_name: string | null
  middle_name: string | null
  last_name: string | null
  full_name: string | null
  email_id: string | null
  company_name: string | null
  email_ids: EmailRow[]
  phone_nos: PhoneRow[]
  consent_given_on: string | null
  consent_text: string | null
}

/** A person; the main address and numbers are those marked so in the tables, or the first. */
export default class Contact extends Document<ContactFields> {
  async validate(ctx: Context, { before }: { before?: ContactFields } = {}): Promise<void> {
    this.full_name =
      [this.first_name, this.middle_name, this.last_name]
        .map((part) => part?.trim())
        .filter(Boolean)
        .join(' ') || null
    if (!this.full_name) throw new NobodyNamed({ doctype: 'Contact', field: 'first_name' })
    // What somebody agreed to is told by what they sent.
    if (!ctx.user.unrestricted) {
      this.consent_given_on = before?.consent_given_on ?? null
      this.consent_text = before?.consent_text ?? null
    }
    this.chooseMail()
    this.choosePhones(before)
    const earlier = new Set(before?.phone_nos.map(({ phone }) => phone))
    for (const [index, row] of this.phone_nos.entries()) {
      const place = `phone_nos[${index}].phone`
      row.phone_key = await phoneKey(ctx, this.organization, row.phone, place, earlier.has(row.phone) ? row.phone : null)
    }
    await writeKeys(ctx, this, this.full_name, before)
  }

  chooseMail(): void {
    for (const row of this.email_ids) row.email_id = mailKey(row.email_id) ?? row.email_id
    const main = this.email_ids.find((row) => row.is_primary) ?? this.email_ids[0]
    for (const row of this.email_ids) row.is_primary = row === main ? 1 : 0
    this.email_id = mailKey(main?.email_id ?? this.email_id)
  }

  /** A number that was written into the field itself stays where no row says otherwise. */
  choosePhones(before: ContactFields | undefined): void {
    const [phone, mobile] = [this.phone_nos.find((row) => row.is_primary_phone), this.phone_nos.find((row) => row.is_primary_mobile_no)]
    for (const row of this.phone_nos) {
      row.is_primary_phone = row === phone ? 1 : 0
      row.is_primary_mobile_no = row === mobile ? 1 : 0
    }
    if (phone && this.phone === (before?.phone ?? null)) this.phone = phone.phone
    if (mobile && this.mobile_no === (before?.mobile_no ?? null)) this.mobile_no = mobile.phone
  }
}
