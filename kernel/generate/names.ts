/** `Service Request` as a folder: `service_request`, the name Frappe gives it too. */
export function folderName(doctype: string): string {
  return doctype.trim().toLowerCase().replaceAll(/[ -]+/g, '_')
}

/** `Service Request` as a file of code: `service-request`. */
export function fileName(doctype: string): string {
  return folderName(doctype).replaceAll('_', '-')
}

/** `field-service` as people read it: `Field Service`. */
export function titled(name: string): string {
  return name
    .split(/[-_ ]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ')
}
