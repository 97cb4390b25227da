import type { FieldDefinition } from './definition.ts'

const hidden = { hidden: 1, read_only: 1, no_copy: 1 } as const

/** Fields that every stored document has, in column order; the store fills them. */
export const standardFields: readonly FieldDefinition[] = [
  { fieldname: 'name', fieldtype: 'Data', label: 'ID', not_nullable: 1 },
  { fieldname: 'owner', fieldtype: 'Link', options: 'User', label: 'Created By' },
  { fieldname: 'creation', fieldtype: 'Datetime', label: 'Created On' },
  { fieldname: 'modified', fieldtype: 'Datetime', label: 'Last Updated On' },
  { fieldname: 'modified_by', fieldtype: 'Link', options: 'User', label: 'Last Updated By' },
  { fieldname: 'docstatus', fieldtype: 'Int', label: 'Document Status' },
  { fieldname: 'idx', fieldtype: 'Int', label: 'Index' },
]

/** Fields of a row in a child table, after the standard ones. */
export const childStandardFields: readonly FieldDefinition[] = [
  { fieldname: 'parent', fieldtype: 'Data', label: 'Parent' },
  { fieldname: 'parentfield', fieldtype: 'Data', label: 'Parent Field' },
  { fieldname: 'parenttype', fieldtype: 'Data', label: 'Parent Type' },
]

/** Fields of documents that are not rows, after the standard ones: JSON lists and tags that the screens show beside a document. */
export const mainStandardFields: readonly FieldDefinition[] = [
  { fieldname: '_user_tags', fieldtype: 'Text', label: 'Tags', ...hidden },
  { fieldname: '_comments', fieldtype: 'Text', label: 'Comments', ...hidden },
  { fieldname: '_assign', fieldtype: 'Text', label: 'Assigned To', ...hidden },
  { fieldname: '_liked_by', fieldtype: 'Text', label: 'Liked By', ...hidden },
]

/** Who has seen the document; only where `track_seen` is set. */
export const seenField: FieldDefinition = { fieldname: '_seen', fieldtype: 'Text', label: 'Seen By', ...hidden }

/** Fields a tree needs beside its parent link: places in the nested set, and where the document hung before. */
export function treeFields(parentField: string, doctype: string): readonly FieldDefinition[] {
  return [
    { fieldname: 'lft', fieldtype: 'Int', label: 'Left', ...hidden },
    { fieldname: 'rgt', fieldtype: 'Int', label: 'Right', ...hidden },
    { fieldname: 'is_group', fieldtype: 'Check', label: 'Is Group' },
    { fieldname: 'old_parent', fieldtype: 'Link', options: doctype, label: 'Old Parent', ...hidden },
    { fieldname: parentField, fieldtype: 'Link', options: doctype, label: `Parent ${doctype}`, ignore_user_permissions: 1 },
  ]
}
