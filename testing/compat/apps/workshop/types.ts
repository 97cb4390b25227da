// Written by "orc types" from the definitions; write it anew instead of changing it.
import type { StandardFields } from '#client/doc-types.ts'

/** Job Customer */
export interface JobCustomer {
  customer_name: string
  city: string | null
}

/** Job Order */
export interface JobOrder {
  title: string
  total: number
  remark: string | null
}

/** Job Part */
export interface JobPart {
  part: string
  qty: number
  price: number
}

/** Job Settings */
export interface JobSettings {
  opening_hour: number
  slogan: string | null
}

/** Job Ticket */
export interface JobTicket {
  title: string
  status: 'Open' | 'Waiting' | 'Closed' | null
  priority: number
  /** YYYY-MM-DD. */
  due_on: string | null
  seen_at: string | null
  cost: number
  is_urgent: 0 | 1
  /** Link to Job Customer. */
  customer: string | null
  notes: string | null
  picture: string | null
  parts: (JobPart & StandardFields)[]
}

declare module '#client/doc-types.ts' {
  interface DocTypes {
    'Job Customer': JobCustomer
    'Job Order': JobOrder
    'Job Settings': JobSettings
    'Job Ticket': JobTicket
  }
}
