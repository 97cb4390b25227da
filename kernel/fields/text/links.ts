import type { FieldType } from '../field-type.ts'
import { shortText } from './text.ts'

/** Names of other documents. Whether they exist, and may be seen, is asked when the document is saved (documents/links). */
export const linkTypes: readonly FieldType[] = [shortText('Link'), shortText('Dynamic Link')]
