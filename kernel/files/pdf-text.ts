import { readFile, stat } from 'node:fs/promises'

/** A PDF is read whole; larger ones are not looked into. */
const largest = 30_000_000
const mostPages = 300
const longestText = 100_000
const patienceMs = 20_000

/**
 * The text of a PDF, page after page, up to 300 pages and 100,000 characters; what was read within 20 s, where it takes longer.
 * @returns '' for what is too large, damaged, locked, or pictures alone
 */
export async function textOfPdf(path: string): Promise<string> {
  if ((await stat(path)).size > largest) return ''
  const { getDocumentProxy } = await import('unpdf')
  const bytes = new Uint8Array(await readFile(path))
  const document = await getDocumentProxy(bytes, { verbosity: 0 }).catch(() => undefined)
  if (!document) return ''
  const until = performance.now() + patienceMs
  let text = ''
  try {
    for (let number = 1; number <= Math.min(document.numPages, mostPages); number++) {
      if (text.length >= longestText || performance.now() > until) break
      const page = await document.getPage(number)
      const { items } = await page.getTextContent()
      for (const item of items) if ('str' in item) text += item.hasEOL ? `${item.str}\n` : item.str
      text += '\n'
      page.cleanup()
    }
  } catch {
    // A page that cannot be read ends the text; what stood before it is kept.
  } finally {
    await document.loadingTask.destroy()
  }
  return text.slice(0, longestText).toWellFormed()
}
