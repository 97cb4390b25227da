import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { textOfPdf } from './pdf-text.ts'

const folder = await mkdtemp(join(tmpdir(), 'orc-test-'))
after(() => rm(folder, { recursive: true }))

/** A PDF with one line of text on each page. */
function pdfWith(lines: readonly string[]): string {
  const pages = lines.map((_, index) => 4 + index * 2)
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count ${lines.length} /Kids [${pages.map((number) => `${number} 0 R`).join(' ')}] >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...lines.flatMap((line, index) => {
      const content = `BT /F1 12 Tf 72 720 Td (${line}) Tj ET`
      return [
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${5 + index * 2} 0 R >>`,
        `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
      ]
    }),
  ]
  let text = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const at = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return at
  })
  const table = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('')
  const size = objects.length + 1
  return `${text}xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`
}

test('the text of every page of a PDF is read', async () => {
  const path = join(folder, 'two.pdf')
  await writeFile(path, pdfWith(['Overdue invoice of March', 'Second page']))
  const text = await textOfPdf(path)
  assert.match(text, /Overdue invoice of March\s+Second page/)
})

test('what is damaged, or no PDF, has no text', async () => {
  for (const content of ['', '%PDF-1.4\ngarbage', 'plain words', pdfWith(['x']).slice(0, 60)]) {
    const path = join(folder, 'damaged.pdf')
    await writeFile(path, content)
    assert.equal((await textOfPdf(path)).trim(), '', content.slice(0, 20))
  }
})
