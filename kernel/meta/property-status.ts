/** What becomes of one property of a definition: who obeys it, or that it is kept for later. */
export interface PropertyStatus {
  /** `obeyed`: it changes what the kernel does. `kept`: stored, given back unchanged, and without effect so far. */
  readonly is: 'obeyed' | 'kept'
  /** Obeyed: what it does. Kept: who it is for. */
  readonly text: string
}

/** The parts of a definition, each a DocType in which its rows are kept; an entry of `indexes` is no row of its own. */
export type DefinitionPart = 'DocType' | 'DocField' | 'DocPerm' | 'DocType Action' | 'DocType Link' | 'DocType State' | 'Index'

function obeyed(text: string): PropertyStatus {
  return { is: 'obeyed', text }
}

function kept(text: string): PropertyStatus {
  return { is: 'kept', text }
}

const form = kept('for forms')
const list = kept('for lists')
const mail = kept('for mail')
const website = kept('for web pages')
const search = kept('for search over all DocTypes')

const doctype: Readonly<Record<string, PropertyStatus>> = {
  module: obeyed('an app’s modules become Module Def documents at migrate; DocTypes made at run time go to Custom'),
  app: obeyed('written by the kernel: the app that brought the DocType, whose definition nobody changes at run time'),
  custom: obeyed('written by the kernel: 1 for DocTypes made at run time'),
  beta: kept('a remark for people'),
  istable: obeyed('rows of other documents: columns parent, parenttype, parentfield; no rights and no saving of its own'),
  issingle: obeyed('one document, kept as rows of tabSingles; no list, no table'),
  is_tree: obeyed('a nested set with lft, rgt, is_group, old_parent and a link to the parent'),
  nsm_parent_field: obeyed('the link to a tree’s parent; default parent_ and the DocType’s name'),
  is_submittable: obeyed('draft, submitted, cancelled; the rights submit, cancel and amend'),
  is_virtual: obeyed('no table: static functions of the controller load, insert, update, remove and list'),
  is_calendar_and_gantt: list,
  fields: obeyed('the fields, in the order of field_order where a file has one'),
  naming_rule: obeyed('UUID and Random; the other words only say what autoname does'),
  autoname: obeyed('field:, naming_series:, prompt, format:, patterns with # and dots, hash, autoincrement, UUID'),
  allow_rename: obeyed('an explicit 0 lets only the Administrator rename a document'),
  description: kept('a remark for people'),
  documentation: kept('a remark for people'),
  document_type: kept('a remark for people'),
  track_changes: obeyed('a Version for each save that changed something'),
  track_seen: obeyed('adds the column _seen; nothing fills it yet'),
  track_views: kept('for forms; nothing writes View Log yet'),
  allow_import: obeyed('without it nobody holds the right import'),
  allow_auto_repeat: obeyed('without it its documents are not repeated'),
  allow_events_in_timeline: form,
  queue_in_background: kept('for jobs; submitting happens at once'),
  in_create: form,
  read_only: obeyed('only the Administrator and elevated contexts may save documents'),
  allow_copy: form,
  editable_grid: form,
  quick_entry: form,
  hide_toolbar: form,
  max_attachments: form,
  make_attachments_public: form,
  protect_attached_files: form,
  allow_bulk_edit: list,
  title_field: obeyed('title in link searches and link titles; open to holders of select'),
  show_title_field_in_link: obeyed('lists give link titles on request, link searches give a label'),
  search_fields: obeyed('where a link search looks, and what it describes a choice with; open to holders of select'),
  image_field: kept('for forms; must name a field'),
  timeline_field: kept('for forms; must name a field'),
  show_name_in_global_search: search,
  translated_doctype: kept('for translations'),
  sort_field: obeyed('default order of lists, also `a asc, b desc`; indexes follow it'),
  sort_order: obeyed('direction of sort_field; DESC unless it says ASC'),
  default_view: list,
  force_re_route_to_default_view: list,
  show_preview_popup: list,
  grid_page_length: form,
  rows_threshold_for_grid_search: form,
  row_format: form,
  icon: list,
  color: list,
  default_print_format: obeyed('prints take it where nobody names a format'),
  default_email_template: mail,
  email_append_to: mail,
  sender_field: mail,
  sender_name_field: mail,
  recipient_account_field: mail,
  subject_field: mail,
  has_web_view: website,
  allow_guest_to_view: website,
  route: website,
  is_published_field: kept('for web pages; must name a field'),
  website_search_field: website,
  index_web_pages_for_search: website,
  permissions: obeyed('who may do what; Custom DocPerm rows replace them all'),
  restrict_to_domain: list,
  user_permission_dependant_doctype: obeyed(
    'a tenant: rows linked to one of its documents are visible only to who is permitted that document',
  ),
  actions: form,
  links: form,
  states: list,
  indexes: obeyed('an index over several columns for each entry'),
  aliases: obeyed('other names under which the API, filters and links find the DocType'),
  engine: kept('MariaDB tables are always InnoDB'),
  migration_hash: obeyed('written by migrate: tells whether a file differs from what the site holds'),
  other_properties: obeyed('holds every property without a field of its own, so that nothing of a file is lost'),
}

const field: Readonly<Record<string, PropertyStatus>> = {
  label: obeyed('names the field in refusals'),
  fieldtype: obeyed('column, reading, checking, sending; see field-types.md'),
  fieldname: obeyed('column and key; at most 63 bytes'),
  precision: obeyed('rounds Currency, Float, Percent, Duration and Rating, half to even'),
  length: obeyed('longest value of short texts; an Int longer than 11 gets 64 bits'),
  non_negative: obeyed('refuses numbers below zero'),
  hide_days: form,
  hide_seconds: form,
  reqd: obeyed('refuses a document in which the field is empty'),
  is_virtual: obeyed('no column: computed by a property or method of the controller that bears the name'),
  not_nullable: obeyed('the column takes no NULL; empty is 0 or an empty text'),
  sort_options: form,
  search_index: obeyed('an index'),
  unique: obeyed('a unique index; a second document with the value is refused'),
  no_copy: obeyed('amending and copying leave it out'),
  set_only_once: obeyed('once filled it cannot change'),
  options: obeyed(
    'what a Link or Table leads to, the field that names a Dynamic Link’s DocType, the choices of a Select, the format of a Data',
  ),
  default: obeyed('the value of a new document or row: plain, __user, Today, Now, :DocType'),
  fetch_from: obeyed('copied over the link whenever the document is saved'),
  fetch_if_empty: obeyed('fetches only into an empty field'),
  link_filters: form,
  placeholder: form,
  remember_last_selected_value: form,
  permlevel: obeyed('who may see and change it is told by role rows of the same level'),
  ignore_user_permissions: obeyed('User Permissions do not count for this link; a tenant’s walls do'),
  allow_on_submit: obeyed('may change on a submitted document; for a table: rows may come and go'),
  ignore_xss_filter: obeyed('formatted text is kept as it came'),
  mask: obeyed('shown disguised, and not searchable, unless a role row gives the right mask at its level'),
  translatable: kept('for translations'),
  depends_on: obeyed('its expression is checked when a DocType is saved; forms hide by it'),
  mandatory_depends_on: obeyed('mandatory while its expression holds'),
  read_only_depends_on: obeyed('its expression is checked when a DocType is saved; forms lock by it'),
  hidden: form,
  read_only: obeyed('read only in the OpenAPI description; forms lock it, and callers may write it all the same'),
  bold: form,
  allow_in_quick_entry: form,
  allow_bulk_edit: list,
  collapsible: form,
  collapsible_depends_on: obeyed('its expression is checked when a DocType is saved; forms fold by it'),
  hide_border: form,
  sticky: list,
  show_description_on_click: form,
  show_dashboard: form,
  make_attachment_public: form,
  show_on_timeline: form,
  in_list_view: list,
  in_standard_filter: list,
  in_global_search: search,
  in_preview: list,
  in_filter: list,
  in_import_template: kept('for imports'),
  columns: form,
  width: list,
  max_height: form,
  alignment: form,
  button_color: form,
  print_hide: obeyed('prints from the DocType leave the field, or the section, out'),
  print_hide_if_no_value: obeyed('a 0 is not printed'),
  print_width: obeyed('width of a printed column, where it is per cent'),
  report_hide: kept('for reports'),
  description: obeyed('told in the OpenAPI description; forms show it'),
  documentation_url: form,
  oldfieldname: obeyed('a column of that name is renamed where the new one is not there yet'),
  oldfieldtype: kept('a remark for people'),
  other_properties: obeyed('holds every property without a field of its own'),
}

const permission: Readonly<Record<string, PropertyStatus>> = {
  role: obeyed('whose right it is'),
  permlevel: obeyed('0: rights on documents; 1 to 9: reading and writing of the fields at that level'),
  if_owner: obeyed('only documents that the user made; for creating it makes no difference'),
  user_scope: obeyed('only documents linked to a document of that DocType which the user is permitted'),
  select: obeyed('choosing in links: name, title and search fields'),
  read: obeyed('reading; brings select, and for System Managers export'),
  write: obeyed('changing'),
  create: obeyed('adding'),
  delete: obeyed('deleting; merging needs it too'),
  submit: obeyed('submitting'),
  cancel: obeyed('cancelling'),
  amend: obeyed('replacing a cancelled document'),
  mask: obeyed('sees masked fields of its level in full'),
  report: obeyed('asked about with report, together with read'),
  export: obeyed('asked about with export, together with read'),
  import: obeyed('asked about with import, where allow_import is set'),
  share: obeyed('sharing a document with others'),
  print: obeyed('asked about with print, together with read'),
  email: obeyed('asked about with email, together with read'),
  other_properties: obeyed('holds every property without a field of its own'),
}

const action: Readonly<Record<string, PropertyStatus>> = {
  label: form,
  group: form,
  action_type: form,
  action: form,
  hidden: form,
  custom: form,
  other_properties: obeyed('holds every property without a field of its own'),
}

const link: Readonly<Record<string, PropertyStatus>> = {
  link_doctype: form,
  link_fieldname: form,
  parent_doctype: form,
  table_fieldname: form,
  group: form,
  hidden: form,
  is_child_table: form,
  custom: form,
  other_properties: obeyed('holds every property without a field of its own'),
}

const state: Readonly<Record<string, PropertyStatus>> = {
  title: list,
  color: list,
  custom: list,
  other_properties: obeyed('holds every property without a field of its own'),
}

const index: Readonly<Record<string, PropertyStatus>> = {
  fields: obeyed('the columns, in order; a bare list or one name does as well'),
  unique: obeyed('refuses a second row with the same values'),
}

/**
 * What the kernel does with every property of a definition. The reference in docs/ is made of it, and a test holds it against the
 * DocTypes in which definitions are kept, so that no property comes without a word about it.
 */
export const propertyStatus: Readonly<Record<DefinitionPart, Readonly<Record<string, PropertyStatus>>>> = {
  DocType: doctype,
  DocField: field,
  DocPerm: permission,
  'DocType Action': action,
  'DocType Link': link,
  'DocType State': state,
  Index: index,
}
