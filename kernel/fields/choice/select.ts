import { isSelectOption, selectOptions } from '#client/rules/formats.ts'
import { NotAnOption } from '../errors.ts'
import type { FieldType } from '../field-type.ts'
import { labelOf } from '../refusals.ts'
import { castText, shortText } from '../text/text.ts'

const text = shortText('Select', (value, field, path) => {
  // Frappe lets people add series at run time; the naming rules check them.
  if (field.fieldname === 'naming_series') return
  if (isSelectOption(value, field.options)) return
  const options = selectOptions(field.options).filter(Boolean).slice(0, 50)
  throw new NotAnOption({ field: path, label: labelOf(field), value: value.slice(0, 100), options })
})

/** One of the lines of `options`; space around the value does not count. */
export const selectType: FieldType = {
  ...text,
  cast(value, field, _wire, path) {
    const cast = castText(value, field, path)
    return cast === null ? null : cast.trim() || castText(null, field, path)
  },
}
