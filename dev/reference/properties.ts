import { type DefinitionPart, propertyStatus } from '#kernel/meta/property-status.ts'
import { code, page, table } from './markdown.ts'

const titles: Readonly<Record<DefinitionPart, string>> = {
  DocType: 'DocType',
  DocField: 'Fields (DocField)',
  DocPerm: 'Permissions (DocPerm)',
  'DocType Action': 'Actions (DocType Action)',
  'DocType Link': 'Links (DocType Link)',
  'DocType State': 'States (DocType State)',
  Index: 'Indexes (entries of `indexes`)',
}

/** Every property of a definition, and what becomes of it. */
export function propertyPage(): string {
  const parts = Object.entries(propertyStatus).map(([part, properties]) => {
    const rows = Object.entries(properties).map(([name, { is, text }]) => [
      code(name),
      is === 'obeyed' ? `obeyed: ${text}` : `kept, not yet used: ${text}`,
    ])
    return `## ${titles[part as DefinitionPart]}\n\n${table(['property', 'what the kernel does'], rows)}`
  })
  return page('Properties of a DocType', introduction, ...parts, closing)
}

const introduction = `Every property is read from a JSON file, stored, and given back unchanged. **Obeyed** means that it changes what the kernel does.
**Kept, not yet used** means that it has no effect so far; the words behind say who it is for. A property that is not listed here is kept too,
in \`other_properties\`.`

const closing = `## Beside the rows

- \`name\` is the DocType's name; a file may also hold it in \`doctype\`. Letters, digits, spaces and a few signs, at most 61 bytes.
- \`field_order\` sorts \`fields\`; those it does not name come last.
- \`naming_series\` with \`autoname: "naming_series:"\` adds the Select field of that name when the definition has none.
- **Custom Field** has the properties of a field, \`dt\` (the DocType) and \`insert_after\`. **Property Setter** changes one property of a DocType, a
  field, or a row of links, actions or states; never the name, the fields or the permissions. **Custom DocPerm** has the properties of a
  permission; one row replaces all rows of the definition.`
