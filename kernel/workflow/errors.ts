import { defineError } from '#client/rules/errors.ts'

export const WorkflowInvalid = defineError<{ workflow: string; field: string; reason: string }>({
  code: 'workflow/invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `Workflow ${d.workflow}: ${d.reason}`,
})

export const WorkflowTransitionRefused = defineError<{ doctype: string; name: string; field: string; reason: string }>({
  code: 'workflow/transition-refused',
  status: 417,
  excType: 'WorkflowTransitionError',
  message: (d) => `${d.doctype}${d.name ? ` ${d.name}` : ''}: ${d.reason}`,
})

export const WorkflowMoved = defineError<{ doctype: string; name: string; state: string; action: string; by: string }>({
  code: 'workflow/moved',
  status: 409,
  excType: 'WorkflowTransitionError',
  message: (d) => `${d.doctype} ${d.name} is in the state "${d.state}" by now (${d.by} changed it); "${d.action}" is not possible there.`,
})

export const WorkflowEditDenied = defineError<{ doctype: string; name: string; state: string; roles: string[]; fields: string[] }>({
  code: 'workflow/edit-denied',
  status: 403,
  excType: 'WorkflowPermissionError',
  message: (d) => `${d.doctype} ${d.name} is in the state "${d.state}", in which only ${d.roles.join(', ')} may change it.`,
})

export const WorkflowReasonMissing = defineError<{ doctype: string; name: string; field: string; action: string }>({
  code: 'workflow/reason-missing',
  status: 417,
  excType: 'MandatoryError',
  message: (d) => `${d.doctype} ${d.name}: "${d.action}" needs a reason.`,
})

export const WorkflowStateInUse = defineError<{ workflow: string; field: string; state: string; documents: number }>({
  code: 'workflow/state-in-use',
  status: 417,
  excType: 'WorkflowStateError',
  message: (d) =>
    `Workflow ${d.workflow}: ${d.documents} documents are in the state "${d.state}", which would no longer be one. Move them to another state first.`,
})

export const WorkflowMissing = defineError<{ doctype: string }>({
  code: 'workflow/missing',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `${d.doctype} has no active workflow.`,
})
