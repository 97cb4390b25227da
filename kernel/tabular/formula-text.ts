// Full-width signs count too: some spreadsheets read them as their ASCII twins.
const dangerous = /^'*[=+\-@\t\r\n＝＋－＠]/

/**
 * A text as it must stand in a CSV file so that no spreadsheet runs it as a formula: an apostrophe goes before one that begins like a formula, or
 * like such a text with apostrophes already. `withoutGuard` gives back exactly what came in.
 */
export function guarded(text: string): string {
  return dangerous.test(text) ? `'${text}` : text
}

/** A cell of a CSV file without the apostrophe that `guarded` gave it. */
export function withoutGuard(text: string): string {
  return text.charCodeAt(0) === 39 && dangerous.test(text) ? text.slice(1) : text
}
