import { nameKey } from '#client/rules/crm-names.ts'
import { normalizePhone } from '#client/rules/crm-phone.ts'
import type { Context } from '#kernel/context/context.ts'
import { PhoneRefused } from './errors.ts'
import { organizationFacts } from './organization.ts'

/** Somebody with a telephone; the keys are what numbers and names are compared by. */
export interface Reachable {
  organization: string
  phone: string | null
  mobile_no: string | null
  phone_key: string | null
  mobile_key: string | null
  name_key: string | null
}

/**
 * Writes the keys by which duplicates are found.
 * @param before  what was stored: an old number that is no number does not keep people from saving something else
 * @throws PhoneRefused
 */
export async function writeKeys(ctx: Context, one: Reachable, name: string | null, before: Reachable | undefined): Promise<void> {
  one.name_key = nameKey(name) || null
  one.phone_key = await phoneKey(ctx, one.organization, one.phone, 'phone', before?.phone)
  one.mobile_key = await phoneKey(ctx, one.organization, one.mobile_no, 'mobile_no', before?.mobile_no)
}

/** A number as it is compared within an organization. @throws PhoneRefused */
export async function phoneKey(
  ctx: Context,
  organization: string,
  number: string | null | undefined,
  field: string,
  before?: string | null,
): Promise<string | null> {
  if (!number) return null
  const { country } = await organizationFacts(ctx, organization)
  const key = normalizePhone(number, country)
  if (key === undefined && number !== before) throw new PhoneRefused({ field, value: number })
  return key ?? null
}

/** An address as it is compared: people write the same one in two cases. */
export function mailKey(address: string | null | undefined): string | null {
  return address?.trim().toLowerCase() || null
}
