import { directionOf } from '#client/rules/right-to-left.ts'
import type { Context } from '#kernel/context/context.ts'
import { instantOfText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { runHook } from '#kernel/documents/hooks.ts'
import { find, getDocument } from '#kernel/documents/load.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { readsFor } from '#kernel/permissions/reads.ts'
import { setting, settingNumber } from '#kernel/sites/settings.ts'
import { escapeHtml } from '#kernel/templates/plain-text.ts'
import { renderTemplate } from '#kernel/templates/render.ts'
import { templateData } from '#kernel/templates/template-data.ts'
import { TrustedHtml } from '#kernel/templates/trusted-html.ts'
import { builderLayout } from './builder-layout.ts'
import { type Drawing, drawLayout } from './draw.ts'
import { PrintRefused, PrintTooLarge } from './errors.ts'
import { standardLayout } from './layout.ts'
import { letterHead } from './letter-head.ts'
import { addLinkTitles } from './link-titles.ts'
import { type PrintLocale, printLocale } from './locale.ts'
import { documentHtml, fixedFoot, formatStyle, type PageContent, type PageLook, pageHtml, pageStyle, paperOf } from './page.ts'
import { pageFiles } from './page-files.ts'
import { htmlToPdf } from './pdf.ts'
import { type PrintFormat, printFormat } from './print-format.ts'
import { showValue } from './show-value.ts'

/** What is to be printed, and how. */
export interface PrintRequest {
  readonly doctype: string
  readonly name: string
  /** Print Format; default: the DocType's own, else `Standard`. */
  readonly format?: string | undefined
  /** Letter Head; false: none; default: the document's, else the default one, if Print Settings want one. */
  readonly letterHead?: string | false | undefined
  /** Default: the format's, the document's own, the user's. */
  readonly language?: string | undefined
  /** A size of Print Settings, such as `Letter`; default: theirs. */
  readonly paper?: string | undefined
  readonly isLandscape?: boolean | undefined
  /** 1 to 10, one behind the other. */
  readonly copies?: number | undefined
}

/** Rows of tables in one document. */
const mostRows = 10_000
/** Documents in one file, copies counted. */
export const mostDocuments = 500

/**
 * A document as a whole page of HTML, for screen and paper, as the context's user may read it: closed fields are missing, masked ones masked.
 * @throws DocumentNotFound; PermissionDenied without the rights to read and print it; PrintRefused, PrintFormatUnknown, LetterHeadUnknown,
 *         PrintTooLarge, LayoutInvalid, TemplateInvalid, TemplateTooLong
 */
export async function printHtml(ctx: Context, request: PrintRequest): Promise<string> {
  return putTogether([await prepare(ctx, request)])
}

/** As `printHtml`, in two parts: what stands in the body, and its styles. */
export async function printParts(ctx: Context, request: PrintRequest): Promise<{ html: string; style: string }> {
  const { body, style } = parts([await prepare(ctx, request)])
  return { html: body, style }
}

/** A document as PDF. The same document, printed alike, makes the same bytes. @throws as `printHtml`, and PdfUnavailable, PdfTimedOut */
export async function printPdf(ctx: Context, request: PrintRequest): Promise<Uint8Array> {
  return printManyPdf(ctx, [request])
}

/**
 * Several documents in one PDF, each beginning on a page of its own; paper, margins and Print Style are those of the first. Page numbers run
 * through.
 */
export async function printManyPdf(ctx: Context, requests: readonly PrintRequest[], timeoutMs?: number): Promise<Uint8Array> {
  const prints: Prepared[] = []
  for (const request of requests) prints.push(await prepare(ctx, request))
  const html = putTogether(prints)
  const made = Math.max(...prints.map((print) => print.made))
  return htmlToPdf(html, { files: await pageFiles(ctx, html), made, ...(timeoutMs !== undefined && { timeoutMs }) })
}

/** Commands of a format for raw printing, filled in; '' where it has none. @throws as `printHtml` */
export async function printCommands(ctx: Context, request: PrintRequest): Promise<string> {
  const { document, meta } = await printable(ctx, request)
  const { rawCommands } = await printFormat(ctx, meta, request.format)
  return renderTemplate(ctx, rawCommands, { doc: await templateData(ctx, document) }, { escape: 'none' })
}

/** Checks that the context's user may print a document, in the state that it has. @throws as `printHtml` */
export async function demandPrint(ctx: Context, request: PrintRequest): Promise<void> {
  const { meta } = await printable(ctx, request)
  await printFormat(ctx, meta, request.format)
}

interface Prepared {
  readonly content: PageContent
  readonly look: PageLook
  readonly css: string
  readonly locale: PrintLocale
  readonly copies: number
  readonly made: number
}

async function printable(
  ctx: Context,
  { doctype, name }: PrintRequest,
): Promise<{ document: AnyDocument; meta: Meta; settings: AnyDocument }> {
  readsFor(ctx, 'print')
  const document = await getDocument(ctx, doctype, name)
  const meta = await ctx.site.meta.get(doctype)
  await demandStored(ctx, 'print', meta, document)
  const settings = (await find(ctx, await ctx.site.meta.get('Print Settings'), 'Print Settings')) as AnyDocument
  if (meta.isSubmittable && document.docstatus === 0 && settings.allow_print_for_draft !== 1)
    throw new PrintRefused({ doctype: meta.name, name: String(document.name), state: 'draft' })
  if (document.docstatus === 2 && settings.allow_print_for_cancelled !== 1)
    throw new PrintRefused({ doctype: meta.name, name: String(document.name), state: 'cancelled' })
  return { document, meta, settings }
}

async function prepare(ctx: Context, request: PrintRequest): Promise<Prepared> {
  const { document, meta, settings } = await printable(ctx, request)
  const rows = meta.tables.reduce((sum, table) => sum + ((document[table.fieldname] as unknown[] | undefined)?.length ?? 0), 0)
  if (rows > mostRows) throw new PrintTooLarge({ field: 'name', limit: mostRows, what: 'rows' })
  const format = await printFormat(ctx, meta, request.format)
  const locale = await printLocale(ctx, request.language || format.language || ownLanguage(document) || ctx.user.language || 'en')
  const second =
    format.secondLanguage && format.secondLanguage !== locale.language ? await printLocale(ctx, format.secondLanguage) : undefined
  await runHook(ctx, meta, document, 'before_print', { format: format.name, language: locale.language })
  const data = await templateData(ctx, document)
  const drawing = await drawingOf(ctx, meta, data, format, locale, second)
  const heads = await letterHeadOf(ctx, request, document, settings)
  const mark =
    document.docstatus === 2
      ? 'Cancelled'
      : meta.isSubmittable && document.docstatus === 0 && settings.add_draft_heading === 1
        ? 'Draft'
        : ''
  return {
    content: {
      title: `${locale.text(meta.name)} ${String(document.name)}`,
      body: await bodyOf(drawing, format, document),
      head: await drawing.template(heads.head),
      foot: await drawing.template(heads.foot),
      headDirection: directionOf(setting(ctx.site, 'language', 'en')),
      repeats: settings.repeat_header_footer === 1,
      alignsLabelsRight: format.alignsLabelsRight,
      rulesSections: format.rulesSections,
      watermark: mark === '' ? '' : locale.text(mark, 'print'),
    },
    look: await lookOf(ctx, request, settings, format),
    css: format.css,
    locale,
    copies: Math.min(Math.max(Math.floor(request.copies ?? 1), 1), 10),
    made: document.modified ? instantOfText(document.modified) : ctx.clock.now(),
  }
}

function ownLanguage(document: AnyDocument): string {
  return typeof document.language === 'string' && /^[A-Za-z]{2,3}([-_][A-Za-z\d]{2,8})*$/.test(document.language) ? document.language : ''
}

function letterHeadOf(ctx: Context, { letterHead: asked }: PrintRequest, document: AnyDocument, settings: AnyDocument) {
  const isWanted = asked !== false && (asked || settings.with_letterhead === 1)
  return isWanted ? letterHead(ctx, asked || undefined, document) : { head: '', foot: '' }
}

async function drawingOf(
  ctx: Context,
  meta: Meta,
  data: Record<string, unknown>,
  format: PrintFormat,
  locale: PrintLocale,
  second: PrintLocale | undefined,
): Promise<Drawing> {
  const titles = new Map<string, string>()
  await addLinkTitles(ctx, meta.links, [data], titles)
  for (const table of meta.tables) {
    const rows = data[table.fieldname]
    if (Array.isArray(rows) && rows.length > 0)
      await addLinkTitles(ctx, (await ctx.site.meta.get(table.options ?? '')).links, rows as Record<string, unknown>[], titles)
  }
  const drawing: Drawing = {
    ctx,
    meta,
    data,
    second,
    showsHeadings: format.showsHeadings,
    setting: {
      locale,
      titles,
      isAbsolute: format.isAbsolute,
      currency: setting(ctx.site, 'currency'),
      floatPlaces: settingNumber(ctx.site, 'float_precision', 3),
    },
    template: async (source) => {
      if (!source.includes('{')) return source
      const values = /\bvalues\b/.test(source) ? await shownValues(drawing) : {}
      const print = { language: locale.language, direction: locale.direction, format: format.name, heading: locale.text(meta.name) }
      return renderTemplate(ctx, source, { doc: data, values, print }, { locale })
    },
  }
  return drawing
}

/** Every value as it would be drawn, for templates: `values.grand_total`, `values.items[0].rate`. */
async function shownValues({ ctx, meta, data, setting: how }: Drawing): Promise<Record<string, unknown>> {
  const values: Record<string, unknown> = {}
  for (const field of meta.fields) {
    if (!(field.fieldname in data)) continue
    if (field.fieldtype !== 'Table') values[field.fieldname] = new TrustedHtml(showValue(how, field, data))
    else {
      const child = await ctx.site.meta.get(field.options ?? '')
      const access = await fieldAccess(ctx, child, meta)
      values[field.fieldname] = (data[field.fieldname] as Record<string, unknown>[]).map((row) =>
        Object.fromEntries(
          child.fields
            .filter((one) => one.type.kind !== 'none' && access.canRead(one))
            .map((one) => [one.fieldname, new TrustedHtml(showValue(how, one, row, data))]),
        ),
      )
    }
  }
  return values
}

async function bodyOf(drawing: Drawing, format: PrintFormat, document: AnyDocument): Promise<string> {
  if (format.kind === 'template') return `<div class="own">${await drawing.template(format.source)}</div>`
  const { ctx, meta, data, setting: how, second } = drawing
  if (format.kind === 'layout') return drawLayout(drawing, builderLayout(meta, format.source))
  const access = await fieldAccess(ctx, meta)
  const layout = standardLayout(meta.fields, (field) => access.canRead(field))
  const chosen = typeof document.select_print_heading === 'string' ? document.select_print_heading : ''
  const title =
    meta.titleField && typeof data[meta.titleField] === 'string' && meta.titleField !== 'name' ? String(data[meta.titleField]) : ''
  const heading = escapeHtml(how.locale.text(chosen || meta.name))
  const other =
    second && !chosen
      ? `<span class="second" lang="${escapeHtml(second.language)}" dir="${second.direction}">${escapeHtml(second.text(meta.name))}</span>`
      : ''
  const name = meta.isSingle ? '' : String(document.name)
  const line = [title === name ? '' : title, name].filter(Boolean).map(escapeHtml).join(' · ')
  return `<h1>${heading} ${other}${line === '' ? '' : `<small><bdi>${line}</bdi></small>`}</h1>${await drawLayout(drawing, layout)}`
}

async function lookOf(ctx: Context, request: PrintRequest, settings: AnyDocument, format: PrintFormat): Promise<PageLook> {
  const upright = paperOf(request.paper || String(settings.pdf_page_size ?? 'A4'), {
    width: Number(settings.pdf_page_width ?? 0),
    height: Number(settings.pdf_page_height ?? 0),
  })
  const styleName = String(settings.print_style ?? '')
  const style = styleName === '' ? undefined : await find(ctx, await ctx.site.meta.get('Print Style'), styleName)
  const size = Number(settings.font_size ?? 0)
  return {
    paper: request.isLandscape ? { width: upright.height, height: upright.width } : upright,
    margins: format.margins,
    pageNumber: format.pageNumber,
    font: format.font || String(settings.font ?? ''),
    fontSize: size >= 5 && size <= 40 ? size : 9,
    splitsRows: settings.allow_page_break_inside_tables === 1,
    css: style && style.disabled !== 1 ? String(style.css ?? '') : '',
  }
}

function putTogether(prints: readonly Prepared[]): string {
  const { body, style } = parts(prints)
  const [first] = prints as readonly [Prepared, ...Prepared[]]
  return pageHtml(first.content.title, style, body, first.locale)
}

function parts(prints: readonly Prepared[]): { body: string; style: string } {
  const [first] = prints
  if (!first) throw new PrintTooLarge({ field: 'name', limit: 0, what: 'documents, and there is none' })
  const count = prints.reduce((sum, print) => sum + print.copies, 0)
  if (count > mostDocuments) throw new PrintTooLarge({ field: 'name', limit: mostDocuments, what: 'documents' })
  const together = { isAlone: count === 1, sharesFoot: new Set(prints.map(({ content }) => content.foot)).size === 1 }
  // Formats of one kind share their styles; those of another must not reach them.
  const scopes = new Map([...new Set(prints.map((print) => print.css))].map((css, index) => [css, `print-${index}`]))
  const body = prints.flatMap((print) => {
    const html = documentHtml(print.content, together, scopes.get(print.css) ?? '', print.locale)
    return Array.from({ length: print.copies }, () => html)
  })
  const foot = together.sharesFoot && first.content.repeats ? fixedFoot(first.content) : ''
  const own = [...scopes].map(([css, scope]) => formatStyle(css, scopes.size > 1 ? scope : ''))
  return { body: body.join('\n') + foot, style: [pageStyle(first.look, first.locale), ...own].join('\n') }
}
