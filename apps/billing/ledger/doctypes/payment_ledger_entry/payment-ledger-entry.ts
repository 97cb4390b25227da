import { LedgerRow } from '../../fixed.ts'

export default class PaymentLedgerEntry extends LedgerRow {}
