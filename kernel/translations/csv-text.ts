/** The rows of a short CSV text with commas and doubled quotes, at once; for files of translations, which are read where nothing may be awaited. */
export function readCsvText(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  const cell = /\s*(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y
  const bare = text.replace(/^\ufeff/, '')
  while (cell.lastIndex < bare.length) {
    const at = cell.lastIndex
    const found = cell.exec(bare)
    if (!found) throw new SyntaxError(`A file of translations is damaged after ${at} characters.`)
    row.push(found[1]?.replaceAll('""', '"') ?? (found[2] ?? '').trim())
    if (found[3] === ',') continue
    rows.push(row)
    row = []
  }
  if (row.length > 0) rows.push(row)
  return rows
}
