import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { demandRate } from '#kernel/limits/rate-limit.ts'
import { readDocumentInput, readListInput } from '#kernel/methods/document-input.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { checkedPerDocument, defineMethod, type Method, signedIn } from '#kernel/methods/method.ts'
import { PrintTooLarge } from '#kernel/print/errors.ts'
import { pageFiles } from '#kernel/print/page-files.ts'
import { htmlToPdf } from '#kernel/print/pdf.ts'
import {
  demandPrint,
  mostDocuments,
  printCommands,
  printManyPdf,
  printParts,
  printPdf,
  type PrintRequest,
} from '#kernel/print/print-document.ts'
import { contextOfKey, makeShareLink, withdrawShareLinks } from '#kernel/print/share-links.ts'

const text = Type.Optional(Type.String({ maxLength: 200 }))
const flag = Type.Optional(Type.Boolean())
const any = Type.Optional(Type.Unknown())
const name = Type.String({ minLength: 1, maxLength: 200 })
const rule = checkedPerDocument('the rights to read and print each document are demanded of the caller, or the key of a link to it')

/** Documents that are printed while the caller waits. */
const mostAtOnce = 30
/** PDF files of one caller in a minute: each takes a browser's time. */
const pdfsPerMinute = { limit: 60, windowMs: 60_000 }

interface Given {
  format?: string
  print_format?: string
  no_letterhead?: boolean
  letterhead?: string
  _lang?: string
  language?: string
  settings?: unknown
}

function requestOf(doctype: string, docname: string, given: Given): PrintRequest {
  const settings = settingsOf(given.settings)
  return {
    doctype,
    name: docname,
    format: given.format || given.print_format,
    letterHead: given.no_letterhead === true ? false : given.letterhead,
    language: languageOf(given._lang || given.language),
    ...settings,
  }
}

function languageOf(given: string | undefined): string | undefined {
  return given && /^[A-Za-z]{2,3}([-_][A-Za-z\d]{2,8})*$/.test(given) ? given : undefined
}

/** What callers set for one print: `{"page-size": "Letter", "orientation": "Landscape", "copies": 2}`. */
function settingsOf(given: unknown): Pick<PrintRequest, 'paper' | 'isLandscape' | 'copies'> {
  let settings = given
  if (typeof given === 'string') {
    try {
      settings = JSON.parse(given)
    } catch {
      return {}
    }
  }
  if (typeof settings !== 'object' || settings === null) return {}
  const { 'page-size': paper, pdf_page_size, orientation, copies } = settings as Record<string, unknown>
  const size = paper ?? pdf_page_size
  return {
    ...(typeof size === 'string' && { paper: size }),
    ...(orientation === 'Landscape' && { isLandscape: true }),
    ...(Number.isInteger(Number(copies)) && Number(copies) > 0 && { copies: Number(copies) }),
  }
}

async function allowed(ctx: Context, key: string | undefined, about: { doctype: string; name: string }): Promise<Context> {
  await demandRate(ctx.site, `pdf:${ctx.user.name === 'Guest' ? ctx.request.ip : ctx.user.name}`, pdfsPerMinute)
  return key ? contextOfKey(ctx, key, about) : ctx
}

function fileName(...parts: string[]): string {
  return `${parts
    .join(' ')
    .replaceAll(/[^\p{L}\p{N} ._-]+/gu, '-')
    .slice(0, 120)}.pdf`
}

const downloadPath = 'frappe.utils.print_format.download_pdf'
const downloadPdf = defineMethod({
  path: downloadPath,
  summary: 'A document as PDF.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    doctype: name,
    name,
    format: text,
    no_letterhead: flag,
    letterhead: text,
    language: text,
    _lang: text,
    key: text,
    settings: any,
  }),
  rule,
  handler: async (ctx, given) => {
    const printing = await allowed(ctx, given.key, given)
    const pdf = await printPdf(printing, requestOf(given.doctype, given.name, given))
    return new FileAnswer(fileName(given.name), 'application/pdf', Buffer.from(pdf), true)
  },
})

const manyInput = Type.Object({
  doctype: Type.Unknown(),
  name: any,
  format: text,
  no_letterhead: flag,
  letterhead: text,
  options: any,
  _lang: text,
})
const manyPath = 'frappe.utils.print_format.download_multi_pdf'

/** `doctype` is one DocType with a list of names, or a JSON object of such lists. */
function manyRequests(path: string, given: { doctype: unknown; name?: unknown; options?: unknown } & Given): PrintRequest[] {
  const lists = listsOf(path, given)
  const requests = lists.flatMap(([doctype, names]) => names.map((one) => requestOf(doctype, one, { ...given, settings: given.options })))
  if (requests.length === 0) throw new BadInput({ method: path, field: 'name', reason: 'names no document' })
  if (requests.length > mostDocuments) throw new PrintTooLarge({ field: 'name', limit: mostDocuments, what: 'documents' })
  return requests
}

function listsOf(path: string, { doctype, name: names }: { doctype: unknown; name?: unknown }): [string, string[]][] {
  const object = typeof doctype === 'string' && doctype.trim().startsWith('{') ? readObject(path, doctype) : doctype
  if (typeof object === 'object' && object !== null)
    return Object.entries(object).map(([one, list]) => [one, readListInput(path, list, `doctype.${one}`, mostDocuments).map(String)])
  if (typeof doctype !== 'string' || doctype === '')
    throw new BadInput({ method: path, field: 'doctype', reason: 'must be the name of a DocType' })
  const list = typeof names === 'string' && !names.trim().startsWith('[') ? [names] : names
  return [[doctype, readListInput(path, list, 'name', mostDocuments).map(String)]]
}

function readObject(path: string, source: string): unknown {
  try {
    return JSON.parse(source)
  } catch {
    throw new BadInput({ method: path, field: 'doctype', reason: 'is not JSON' })
  }
}

const downloadMany = defineMethod({
  path: manyPath,
  summary: `Up to ${mostAtOnce} documents in one PDF; more are printed in the background by download_multi_pdf_async.`,
  verbs: ['GET', 'POST'],
  input: manyInput,
  rule,
  handler: async (ctx, given) => {
    const requests = manyRequests(manyPath, given)
    if (requests.length > mostAtOnce) throw new PrintTooLarge({ field: 'name', limit: mostAtOnce, what: 'documents while somebody waits' })
    await allowed(ctx, undefined, { doctype: '', name: '' })
    const pdf = await printManyPdf(ctx, requests)
    return new FileAnswer(fileName(...new Set(requests.map((one) => one.doctype))), 'application/pdf', Buffer.from(pdf), true)
  },
})

const manyLater = defineMethod({
  path: `${manyPath}_async`,
  summary: `Prints up to ${mostDocuments} documents in the background; the caller is told when the file is there.`,
  verbs: ['POST'],
  input: manyInput,
  rule: signedIn,
  handler: async (ctx, given) => {
    const requests = manyRequests(`${manyPath}_async`, given)
    for (const request of requests) await demandPrint(ctx, request)
    const { id } = await enqueue(ctx, 'core.print-many', { requests })
    return { task_id: id }
  },
})

const partsPath = 'frappe.www.printview.get_html_and_style'
const viewInput = Type.Object({
  doc: Type.Unknown(),
  name: text,
  print_format: text,
  no_letterhead: flag,
  letterhead: text,
  trigger_print: flag,
  style: any,
  settings: any,
  _lang: text,
})

/** A document by DocType and name, or as JSON that names it; what is not stored cannot be printed. */
function aboutOf(path: string, doc: unknown, given: string | undefined): { doctype: string; name: string } {
  if (typeof doc === 'string' && !doc.trim().startsWith('{') && given) return { doctype: doc, name: given }
  const document = readDocumentInput(path, doc, 'doc')
  if (typeof document.name !== 'string' || document.name === '')
    throw new BadInput({ method: path, field: 'doc', reason: 'is not stored yet' })
  return { doctype: document.doctype, name: document.name }
}

const getParts = defineMethod({
  path: partsPath,
  summary: 'A document’s print as HTML, and the styles it needs.',
  verbs: ['GET', 'POST'],
  input: viewInput,
  rule,
  handler: (ctx, given) => {
    const about = aboutOf(partsPath, given.doc, given.name)
    return printParts(ctx, requestOf(about.doctype, about.name, given))
  },
})

const rawPath = 'frappe.www.printview.get_rendered_raw_commands'
const getCommands = defineMethod({
  path: rawPath,
  summary: 'The commands of a format for raw printing, filled in with a document.',
  verbs: ['GET', 'POST'],
  input: viewInput,
  rule,
  handler: async (ctx, given) => {
    const about = aboutOf(rawPath, given.doc, given.name)
    return { raw_commands: await printCommands(ctx, requestOf(about.doctype, about.name, given)) }
  },
})

const reportToPdf = defineMethod({
  path: 'frappe.utils.print_format.report_to_pdf',
  summary: 'HTML that a screen made, such as a report, as PDF. Nothing in it runs or loads but pictures that the caller may see.',
  verbs: ['POST'],
  input: Type.Object({ html: Type.String({ minLength: 1, maxLength: 5_000_000 }), orientation: text }),
  rule: signedIn,
  handler: async (ctx, { html, orientation }) => {
    await allowed(ctx, undefined, { doctype: '', name: '' })
    const page = `<style>@page { size: A4 ${orientation === 'Portrait' ? 'portrait' : 'landscape'}; margin: 12mm }</style>${html}`
    const pdf = await htmlToPdf(page, { files: await pageFiles(ctx, html), made: ctx.clock.now() })
    return new FileAnswer('report.pdf', 'application/pdf', Buffer.from(pdf), true)
  },
})

const day = Type.Optional(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$' }))
const about = { doctype: name, name }

const share = defineMethod({
  path: 'orchestrator.print.share_link',
  summary: 'A link with which anybody sees the print of a document, as the caller may, until a day.',
  verbs: ['POST'],
  input: Type.Object({ ...about, expires_on: day }),
  rule: checkedPerDocument('the rights to print and share the document are demanded of the caller'),
  handler: async (ctx, given) => {
    const link = await makeShareLink(ctx, given, given.expires_on)
    return { url: link.url, key: link.key, expires_on: link.expiresOn }
  },
})

const withdraw = defineMethod({
  path: 'orchestrator.print.withdraw_links',
  summary: 'Ends the caller’s own links to a document.',
  verbs: ['POST'],
  input: Type.Object(about),
  rule: signedIn,
  handler: async (ctx, given) => ({ withdrawn: await withdrawShareLinks(ctx, given) }),
})

/** Prints as PDF and HTML, and links to them. */
export const printMethods: readonly Method[] = [downloadPdf, downloadMany, manyLater, getParts, getCommands, reportToPdf, share, withdraw]
