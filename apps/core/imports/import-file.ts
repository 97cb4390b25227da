import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { FileDenied } from '#kernel/files/errors.ts'
import { filesAt, mayReadFile } from '#kernel/files/file-access.ts'
import { placeOf } from '#kernel/files/file-names.ts'
import { fileStoreOf } from '#kernel/files/file-store.ts'
import { ImportRefused } from '#kernel/imports/errors.ts'
import { type ImportMode, type ImportPlan, planImport } from '#kernel/imports/import-plan.ts'
import { type ByteSource, bytesOfFile } from '#kernel/tabular/byte-source.ts'

const modes: Readonly<Record<string, ImportMode>> = {
  'Insert New Records': 'insert',
  'Update Existing Records': 'update',
  'Insert or Update Records': 'upsert',
}

/**
 * Opens the file of a Data Import, which the acting user must be allowed to read, works out how it will be imported, and closes it when the work is done.
 * @throws ImportRefused, FileDenied, and what `planImport` throws
 */
export async function withPlan<T>(ctx: Context, dataImport: AnyDocument, work: (plan: ImportPlan) => Promise<T>): Promise<T> {
  const source = await openFile(ctx, String(dataImport.import_file ?? ''))
  try {
    return await work(await planImport(ctx, requestOf(dataImport), source))
  } finally {
    await source.close()
  }
}

async function openFile(ctx: Context, url: string): Promise<ByteSource> {
  if (url === '') throw new ImportRefused({ field: 'import_file', reason: 'no file is attached.' })
  const place = placeOf(url)
  const records = place ? await filesAt(ctx, url) : []
  for (const record of records)
    if (place && (await mayReadFile(ctx, record))) return bytesOfFile(await fileStoreOf(ctx.site).localPath(place))
  throw new FileDenied({ url: url.slice(0, 500) })
}

function requestOf(dataImport: AnyDocument) {
  const mode = modes[String(dataImport.import_type)]
  if (!mode) throw new ImportRefused({ field: 'import_type', reason: 'it is not said whether documents are new.' })
  const delimiter = dataImport.custom_delimiters ? [...String(dataImport.delimiter_options ?? '')][0] : undefined
  return {
    doctype: String(dataImport.reference_doctype),
    mode,
    ...(typeof dataImport.match_by === 'string' && dataImport.match_by !== '' && { matchBy: dataImport.match_by }),
    ...(delimiter && { delimiter }),
    mapping: mappingOf(dataImport.template_options),
  }
}

/** The columns that a person mapped, as Frappe's screens keep them. @throws ImportRefused */
export function mappingOf(options: unknown): Record<string, string> {
  if (options === null || options === undefined || options === '') return {}
  const wrong = (): never => {
    throw new ImportRefused({ field: 'template_options', reason: 'the mapping of columns is no object of texts.' })
  }
  let value: unknown
  try {
    value = JSON.parse(String(options))
  } catch {
    return wrong()
  }
  const mapping =
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as { column_to_field_map?: unknown }).column_to_field_map
      : wrong()
  if (mapping === undefined) return {}
  if (typeof mapping !== 'object' || mapping === null || Object.values(mapping).some((key) => typeof key !== 'string')) return wrong()
  return mapping as Record<string, string>
}
