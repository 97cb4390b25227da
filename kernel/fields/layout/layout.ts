import type { FieldType } from '../field-type.ts'

/** Parts of a form that hold no value; whatever a caller sends for them is dropped. */
export const layoutTypes: readonly FieldType[] = [
  'Section Break',
  'Column Break',
  'Tab Break',
  'HTML',
  'Button',
  'Image',
  'Fold',
  'Heading',
].map((name) => ({
  name,
  kind: 'none',
  storage: () => undefined,
  cast: () => null,
  check() {},
  toColumn: () => null,
  fromColumn: () => null,
  toWire: () => undefined,
}))
