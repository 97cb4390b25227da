import { LedgerRow } from '../../fixed.ts'

export default class GLEntry extends LedgerRow {}
