import { addMonths } from '#client/rules/dates.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { todayOf } from '../../../shared/organization.ts'
import { checkOrder, rowOf } from '../../../shared/rows.ts'
import { certificationStatus } from '../../certifications.ts'

interface CertificationFields {
  organization: string
  certification_type: string
  issued_on: string
  expiry_date: string | null
  status: 'Valid' | 'Expiring' | 'Expired' | 'Revoked'
  reminder_days: number
  reminded_on: string | null
}

/** A proof of ability. Whether it is valid follows from its dates; only that it was revoked is said by hand. */
export default class EmployeeCertification extends Document<CertificationFields> {
  async validate(ctx: Context, { before }: { before?: CertificationFields } = {}): Promise<void> {
    const type = await rowOf(ctx, 'Certification Type', this.certification_type, ['validity_months', 'reminder_days'])
    if (!before) {
      if (!this.expiry_date && Number(type?.validity_months) > 0)
        this.expiry_date = addMonths(this.issued_on, Number(type?.validity_months))
      if (this.reminder_days === 0) this.reminder_days = Number(type?.reminder_days ?? 0)
    }
    checkOrder(this.issued_on, this.expiry_date, 'expiry_date')
    if (before?.expiry_date !== this.expiry_date) this.reminded_on = null
    if (this.status !== 'Revoked')
      this.status = certificationStatus(this.expiry_date, this.reminder_days, await todayOf(ctx, this.organization))
  }
}
