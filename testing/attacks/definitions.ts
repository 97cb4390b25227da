import { type SmallDocType, field } from '#testing/permission-site.ts'

const every = { select: 1, read: 1, write: 1, create: 1, delete: 1, report: 1, export: 1, share: 1, print: 1, email: 1 } as const
const final = { submit: 1, cancel: 1, amend: 1 } as const
const reading = { select: 1, read: 1, report: 1, export: 1, print: 1, email: 1 } as const

/** The roles of the fortress, beside the platform's own. */
export const fortRoles = ['Fort Clerk', 'Fort Reader', 'Fort Picker', 'Fort Chief'] as const

/** A DocType for each kind of wall: tenants, levels, masks, ownership, child rows, trees, singles, roles alone. */
export const fortDocTypes: readonly SmallDocType[] = [
  {
    name: 'Fort Region',
    is_tree: 1,
    nsm_parent_field: 'parent_fort_region',
    autoname: 'prompt',
    allow_rename: 1,
    fields: [
      field('organization', 'Link', { options: 'Organization' }),
      field('parent_fort_region', 'Link', { options: 'Fort Region' }),
      field('is_group', 'Check'),
      field('remark'),
    ],
    permissions: [
      { role: 'Fort Clerk', ...every },
      { role: 'Fort Reader', ...reading },
    ],
  },
  {
    name: 'Fort Client',
    autoname: 'prompt',
    allow_rename: 1,
    title_field: 'client_name',
    show_title_field_in_link: 1,
    search_fields: 'client_name',
    track_changes: 1,
    fields: [
      field('organization', 'Link', { options: 'Organization' }),
      field('client_name'),
      field('phone', 'Data', { mask: 1 }),
      field('secret_code', 'Data', { permlevel: 1 }),
    ],
    permissions: [
      { role: 'Fort Clerk', ...every },
      { role: 'Fort Reader', ...reading },
      { role: 'Fort Picker', select: 1 },
      { role: 'Fort Chief', permlevel: 1, read: 1, write: 1 },
      { role: 'Fort Chief', mask: 1 },
    ],
  },
  {
    name: 'Fort Line',
    istable: 1,
    fields: [
      field('note'),
      field('qty', 'Int'),
      field('hidden_cost', 'Data', { permlevel: 1 }),
      field('client', 'Link', { options: 'Fort Client' }),
    ],
  },
  {
    name: 'Fort Ticket',
    is_submittable: 1,
    autoname: 'prompt',
    allow_rename: 1,
    track_changes: 1,
    title_field: 'subject',
    search_fields: 'subject',
    fields: [
      field('organization', 'Link', { options: 'Organization' }),
      field('subject', 'Data', { allow_on_submit: 1 }),
      field('status', 'Select', { options: 'Open\nClosed', default: 'Open' }),
      field('client', 'Link', { options: 'Fort Client' }),
      field('client_secret', 'Data', { permlevel: 1, fetch_from: 'client.secret_code' }),
      field('amount', 'Currency'),
      field('salary', 'Data', { permlevel: 1 }),
      field('card', 'Data', { mask: 1 }),
      field('region', 'Link', { options: 'Fort Region' }),
      field('code', 'Data', { unique: 1 }),
      field('kind_doctype', 'Link', { options: 'DocType' }),
      field('kind_name', 'Dynamic Link', { options: 'kind_doctype' }),
      field('portal_password', 'Password'),
      field('photo', 'Attach'),
      field('due', 'Datetime'),
      field('lines', 'Table', { options: 'Fort Line' }),
    ],
    permissions: [
      { role: 'Fort Clerk', ...every, ...final },
      { role: 'Fort Reader', ...reading },
      { role: 'Fort Picker', select: 1 },
      { role: 'Fort Chief', permlevel: 1, read: 1, write: 1 },
      { role: 'Fort Chief', mask: 1 },
    ],
  },
  {
    name: 'Fort Diary',
    autoname: 'prompt',
    fields: [field('text')],
    permissions: [{ role: 'Fort Clerk', ...every, if_owner: 1 }],
  },
  {
    name: 'Fort Plain',
    autoname: 'prompt',
    fields: [field('label'), field('hidden', 'Data', { permlevel: 1 }), field('notes', 'Text Editor')],
    permissions: [
      { role: 'Fort Clerk', ...every },
      { role: 'Fort Reader', ...reading },
      { role: 'Fort Chief', permlevel: 1, read: 1, write: 1 },
    ],
  },
  {
    name: 'Fort Vault',
    autoname: 'prompt',
    fields: [field('jewel')],
    permissions: [{ role: 'Fort Chief', ...every }],
  },
  {
    name: 'Fort Board',
    issingle: 1,
    fields: [field('motto'), field('hidden_motto', 'Data', { permlevel: 1 }), field('board_key', 'Password')],
    permissions: [
      { role: 'Fort Clerk', read: 1, write: 1 },
      { role: 'Fort Chief', permlevel: 1, read: 1, write: 1 },
    ],
  },
]
