import { selectType } from './choice/select.ts'
import { currencyType } from './currency/currency.ts'
import { dateType, datetimeType, timeType } from './dates/date-types.ts'
import type { FieldType } from './field-type.ts'
import { layoutTypes } from './layout/layout.ts'
import { floatTypes } from './number/float.ts'
import { checkType, intType, longIntType } from './number/whole.ts'
import { geolocationType, jsonType } from './structured/json.ts'
import { tableTypes } from './structured/table.ts'
import { linkTypes } from './text/links.ts'
import { passwordType } from './text/password.ts'
import { textTypes } from './text/text.ts'

/** Every field type that a definition may name. */
export const fieldTypes: ReadonlyMap<string, FieldType> = new Map(
  [
    ...textTypes,
    ...linkTypes,
    passwordType,
    selectType,
    checkType,
    intType,
    longIntType,
    ...floatTypes,
    currencyType,
    dateType,
    datetimeType,
    timeType,
    jsonType,
    geolocationType,
    ...tableTypes,
    ...layoutTypes,
  ].map((type) => [type.name, type]),
)
