import { fileTypeFromBuffer, fileTypeFromFile } from 'file-type'
import { extensionOf } from './file-names.ts'

const binary = 'application/octet-stream'

/** Types that no magic number tells; only the name can. All are text. */
const byExtension: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  log: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  html: 'text/html',
  htm: 'text/html',
  xhtml: 'application/xhtml+xml',
  xml: 'application/xml',
  svg: 'image/svg+xml',
  css: 'text/css',
  js: 'text/javascript',
  mjs: 'text/javascript',
  ics: 'text/calendar',
  vcf: 'text/vcard',
  yaml: 'application/yaml',
  yml: 'application/yaml',
  eml: 'message/rfc822',
}

/** What browsers show without running anything of it. Everything else is a download. */
const shown = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'image/tiff',
  'image/heic',
  'application/pdf',
  'text/plain',
  'audio/mpeg',
  'audio/ogg',
  'audio/wav',
  'audio/mp4',
  'audio/webm',
  'audio/aac',
  'audio/flac',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
])

/** The media type of a stored file: what its first bytes say, else what its name says of text, else unknown bytes. A name alone never makes an image. */
export async function mediaTypeOf(path: string, name: string): Promise<string> {
  return typeOf(await fileTypeFromFile(path), name)
}

/** As `mediaTypeOf`, from the first 4100 bytes. */
export async function mediaTypeOfBytes(beginning: Uint8Array, name: string): Promise<string> {
  return typeOf(await fileTypeFromBuffer(beginning), name)
}

function typeOf(found: { mime: string } | undefined, name: string): string {
  if (found && found.mime !== 'application/xml') return found.mime
  return byExtension[extensionOf(name)] ?? (found?.mime || binary)
}

/** Whether a browser may show it in place; markup and scripts are downloads, so that they never run as a page of this site. */
export function isShownInPlace(type: string): boolean {
  return shown.has(type)
}

/** The Content-Type header; text is UTF-8. */
export function contentTypeHeader(type: string): string {
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type
}
