/** A DocType as its JSON file says it, in Frappe's format. Flags are 0 or 1. Unknown keys are kept. */
export interface DocTypeDefinition {
  name: string
  module: string
  fields: FieldDefinition[]
  permissions: PermissionRow[]
  actions: Record<string, unknown>[]
  links: Record<string, unknown>[]
  states: Record<string, unknown>[]
  custom?: Flag
  istable?: Flag
  issingle?: Flag
  is_tree?: Flag
  nsm_parent_field?: string
  is_submittable?: Flag
  is_virtual?: Flag
  autoname?: string
  naming_rule?: string
  allow_rename?: Flag
  title_field?: string
  show_title_field_in_link?: Flag
  search_fields?: string
  sort_field?: string
  sort_order?: string
  track_changes?: Flag
  track_seen?: Flag
  track_views?: Flag
  read_only?: Flag
  in_create?: Flag
  allow_import?: Flag
  max_attachments?: number
  make_attachments_public?: Flag
  /** Documents belong to one document of this DocType (a tenant); see permissions/confinement.ts. */
  user_permission_dependant_doctype?: string
  indexes?: IndexDefinition[]
  aliases?: string[]
  [property: string]: unknown
}

export type Flag = 0 | 1

export interface FieldDefinition {
  fieldname: string
  fieldtype: string
  label?: string
  options?: string
  reqd?: Flag
  default?: string
  precision?: string | number
  length?: number
  unique?: Flag
  search_index?: Flag
  not_nullable?: Flag
  non_negative?: Flag
  is_virtual?: Flag
  hidden?: Flag
  read_only?: Flag
  permlevel?: number
  mask?: Flag
  depends_on?: string
  mandatory_depends_on?: string
  read_only_depends_on?: string
  fetch_from?: string
  fetch_if_empty?: Flag
  set_only_once?: Flag
  allow_on_submit?: Flag
  no_copy?: Flag
  ignore_user_permissions?: Flag
  ignore_xss_filter?: Flag
  link_filters?: string
  in_list_view?: Flag
  in_standard_filter?: Flag
  in_global_search?: Flag
  [property: string]: unknown
}

export interface PermissionRow {
  role: string
  permlevel?: number
  if_owner?: Flag
  select?: Flag
  read?: Flag
  write?: Flag
  create?: Flag
  delete?: Flag
  submit?: Flag
  cancel?: Flag
  amend?: Flag
  report?: Flag
  export?: Flag
  import?: Flag
  share?: Flag
  print?: Flag
  email?: Flag
  mask?: Flag
  /** The row grants only documents whose link to this DocType is among the user's permitted values. */
  user_scope?: string
  [property: string]: unknown
}

export interface IndexDefinition {
  fields: string[]
  unique?: Flag | boolean
}
