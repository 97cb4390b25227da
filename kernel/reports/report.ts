import type { Context } from '#kernel/context/context.ts'

/** A column as screens draw it, in Frappe's form. */
export interface ReportColumn {
  readonly fieldname: string
  readonly label: string
  /** A field type; `Data` where nothing better is known. */
  readonly fieldtype: string
  /** The DocType of a Link, or the field that holds the currency. */
  readonly options?: string
  /** Pixels. */
  readonly width?: number
  readonly [property: string]: unknown
}

/** Something a report asks its reader. */
export interface ReportFilterDefinition {
  readonly fieldname: string
  readonly label: string
  readonly fieldtype: string
  readonly options?: string
  readonly default?: string | number
  readonly mandatory?: boolean
}

/** What a report answers: rows by fieldname, values in the form of the wire. A row's `indent` is its depth in a tree. */
export interface ReportResult {
  readonly columns: readonly ReportColumn[]
  readonly rows: readonly Record<string, unknown>[]
  /** The sums of the rows by fieldname; absent where there are none. */
  readonly total?: Readonly<Record<string, unknown>>
  readonly summary?: readonly Record<string, unknown>[]
  readonly chart?: Readonly<Record<string, unknown>>
  readonly message?: string
}

/** What the code of a report gives back: columns may be Frappe's texts, `Label:Link/Customer:120`, and rows may be lists. */
export interface ScriptedResult {
  readonly columns?: readonly (string | Partial<ReportColumn>)[]
  readonly rows: readonly (Record<string, unknown> | readonly unknown[])[]
  readonly summary?: readonly Record<string, unknown>[]
  readonly chart?: Readonly<Record<string, unknown>>
  readonly message?: string
  /** The report brings its own totals. */
  readonly skipTotalRow?: boolean
}

/** A report that an app brings as code. Its Report document is kept up to date at each migrate. */
export interface ReportDefinition {
  /** Name of the Report document, unique on the site. */
  readonly name: string
  /** Whoever runs it needs the right to report on this DocType. */
  readonly refDoctype: string
  /** Module Def of the Report document; default: that of the DocType. */
  readonly module?: string
  /** Of which one is needed; default: any. */
  readonly roles?: readonly string[]
  /** Absent where `run` gives them. */
  readonly columns?: readonly (string | Partial<ReportColumn>)[]
  readonly filters?: readonly ReportFilterDefinition[]
  readonly addTotalRow?: boolean
  /** Takes so long that it runs in the background. */
  readonly isPrepared?: boolean
  /** Reads through the context, whose permissions are the reader's. @param filters read as the filters' types say */
  readonly run: (ctx: Context, filters: Readonly<Record<string, unknown>>) => Promise<ScriptedResult> | ScriptedResult
}

/** Declares a report of an app. */
export function defineReport(definition: ReportDefinition): ReportDefinition {
  return definition
}

/** The numbers of a chart: one value per label in each dataset. */
export interface ChartData {
  readonly labels: readonly string[]
  readonly datasets: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
}

/** Code of an app that makes the numbers of charts of type Custom. */
export interface ChartSourceDefinition {
  /** Name of the Dashboard Chart Source document. */
  readonly name: string
  readonly module: string
  readonly timeseries?: boolean
  /** Reads through the context, whose permissions are the reader's. */
  readonly run: (ctx: Context, filters: Readonly<Record<string, unknown>>) => Promise<ChartData> | ChartData
}

/** Declares a source of charts. @public */
export function defineChartSource(definition: ChartSourceDefinition): ChartSourceDefinition {
  return definition
}
