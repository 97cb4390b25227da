import { isRecord, localFailure } from './client-error.ts'
import type { FieldName, RowOf, StandardFields, UnknownDocument, ValuesOf } from './doc-types.ts'
import type { Answer, Call, Transport } from './transport.ts'
import { type FiltersOf, wireFilters } from './typed-filters.ts'

export interface ListOptions<Document, Field extends string> {
  /** Default: `name` alone. */
  fields?: readonly Field[]
  filters?: FiltersOf<Document>
  /** At least one of these must hold as well. */
  orFilters?: FiltersOf<Document>
  /** Such as `modified desc`; several by comma. Default: the DocType's own order. */
  orderBy?: string
  /** Rows per page. Default 20. */
  limit?: number
  /** How many rows to leave out; slow on long lists, where `after` is not. */
  start?: number
  /** The `cursor` of the page before. */
  after?: string
  /** Link fields whose documents are to stand in place of their names. */
  expand?: readonly (keyof Document & string)[]
  /** The DocType of the documents that the rows belong to; needed for child DocTypes. */
  parent?: string
  signal?: AbortSignal
}

/** One page of a list. */
export interface Page<Row> {
  rows: Row[]
  hasNextPage: boolean
  /** Pass it as `after` for the next page; undefined on the last one. */
  cursor?: string
}

export interface CallOptions {
  signal?: AbortSignal
}

/** What can be done with the documents of one DocType. Every function throws ClientError when refused. */
export interface DocumentClient<Document> {
  readonly doctype: string
  /** Reads one. Given a document that this client returned, it gives back that same object as long as nothing has changed. */
  get(target: string | Document, options?: CallOptions): Promise<Document>
  /** The first page; further ones by its `cursor`. */
  list<Field extends FieldName<Document> = 'name' & FieldName<Document>>(
    options?: ListOptions<Document, Field>,
  ): Promise<Page<RowOf<Document, Field>>>
  /** All rows, fetched page by page as the loop proceeds; `limit` is the size of a page. Rows added meanwhile neither shift nor repeat others. */
  all<Field extends FieldName<Document> = 'name' & FieldName<Document>>(
    options?: ListOptions<Document, Field>,
  ): AsyncGenerator<RowOf<Document, Field>, void, undefined>
  count(filters?: FiltersOf<Document>, options?: CallOptions): Promise<number>
  insert(values: ValuesOf<Document>, options?: CallOptions): Promise<Document>
  /**
   * Changes the given fields and returns the whole document as saved.
   * @param target  a name: whatever it is like now. A document that this client returned: only if nobody changed it since, else the call
   *                fails with status 412 and the code `http/precondition-failed`.
   */
  update(target: string | Document, values: ValuesOf<Document>, options?: CallOptions): Promise<Document>
  /** Deletes; the target as in `update`. */
  remove(target: string | Document, options?: CallOptions): Promise<void>
  submit(name: string, options?: CallOptions): Promise<Document>
  cancel(name: string, options?: CallOptions): Promise<Document>
  /** Returns the new name. With `merge`, the document of that name takes over what pointed at this one. */
  rename(name: string, newName: string, options?: CallOptions & { merge?: boolean }): Promise<string>
  /** Calls a method of one document, such as `convert`. */
  run<Output = unknown>(name: string, method: string, input?: object, options?: CallOptions): Promise<Output>
}

/** ETags of the documents given out, for as long as somebody holds them. */
export type DocumentTags = WeakMap<object, string>

export function documentClient<Document extends StandardFields = UnknownDocument>(
  send: Transport,
  tags: DocumentTags,
  doctype: string,
): DocumentClient<Document> {
  const home = `/api/v2/document/${encodeURIComponent(doctype)}`
  const pathOf = (name: string) => `${home}/${encodeURIComponent(name)}`

  /** The document in an answer, with its tag remembered. */
  const taken = (answer: Answer): Document => {
    const document = dataOf(answer)
    if (!isRecord(document)) throw localFailure('client/bad-answer', `The server’s answer holds no ${doctype}.`)
    const tag = answer.headers.get('ETag')
    if (tag !== null) tags.set(document, tag)
    return document as unknown as Document
  }

  /** Where a target is, and the header that binds the call to the version the caller holds. */
  const targeted = (target: string | Document, header: 'If-Match' | 'If-None-Match'): Pick<Call, 'path' | 'headers'> => {
    if (typeof target === 'string') return { path: pathOf(target) }
    const tag = tags.get(target)
    if (tag === undefined) throw localFailure('client/unknown-document', `This ${doctype} did not come from this client; name it instead.`)
    return { path: pathOf(target.name), headers: { [header]: tag } }
  }

  const method = async (path: string, body: object, options: CallOptions | undefined): Promise<Answer> =>
    send({ verb: 'POST', path: `/api/v2/method/${path}`, body, ...signalOf(options) })

  const list: DocumentClient<Document>['list'] = async (options = {}) => {
    const answer = await send({ verb: 'GET', path: home, query: listQuery(options), ...signalOf(options) })
    const body = isRecord(answer.body) ? answer.body : {}
    if (!Array.isArray(body.data)) throw localFailure('client/bad-answer', `The server’s answer holds no list of ${doctype}.`)
    return {
      rows: body.data,
      hasNextPage: body.has_next_page === true,
      ...(typeof body.cursor === 'string' ? { cursor: body.cursor } : {}),
    }
  }

  return {
    doctype,
    get: async (target, options) => {
      const answer = await send({ verb: 'GET', ...targeted(target, 'If-None-Match'), ...signalOf(options) })
      return answer.status === 304 && typeof target !== 'string' ? target : taken(answer)
    },
    list,
    all: async function* (options = {}) {
      const { start = 0, ...rest } = options
      let page = await list(options)
      yield* page.rows
      // Lists without a cursor (virtual DocTypes) are paged by number.
      for (let given = page.rows.length; page.hasNextPage; given += page.rows.length) {
        page = await list(page.cursor === undefined ? { ...rest, start: start + given } : { ...rest, after: page.cursor })
        yield* page.rows
      }
    },
    count: async (filters, options) => {
      const path = `/api/v2/doctype/${encodeURIComponent(doctype)}/count`
      return Number(dataOf(await send({ verb: 'GET', path, query: { filters: wireFilters(filters) }, ...signalOf(options) })))
    },
    insert: async (values, options) => taken(await send({ verb: 'POST', path: home, body: values, ...signalOf(options) })),
    update: async (target, values, options) =>
      taken(await send({ verb: 'PATCH', ...targeted(target, 'If-Match'), body: values, ...signalOf(options) })),
    remove: async (target, options) => {
      await send({ verb: 'DELETE', ...targeted(target, 'If-Match'), ...signalOf(options) })
    },
    submit: async (name, options) => {
      // Submitting takes a whole document; the stored one is what is meant.
      const document = await send({ verb: 'GET', path: pathOf(name), ...signalOf(options) })
      return taken(await method('frappe.client.submit', { doc: { ...(dataOf(document) as object), doctype } }, options))
    },
    cancel: async (name, options) => taken(await method('frappe.client.cancel', { doctype, name }, options)),
    rename: async (name, newName, options) =>
      String(
        dataOf(
          await method('frappe.client.rename_doc', { doctype, old_name: name, new_name: newName, merge: options?.merge === true }, options),
        ),
      ),
    run: async <Output>(name: string, verb: string, input: object = {}, options?: CallOptions) =>
      dataOf(
        await send({ verb: 'POST', path: `${pathOf(name)}/method/${encodeURIComponent(verb)}`, body: input, ...signalOf(options) }),
      ) as Output,
  }
}

function listQuery<Document>(options: ListOptions<Document, string>): NonNullable<Call['query']> {
  const { fields, filters, orFilters, orderBy, limit, start, after, expand, parent } = options
  return {
    fields: fields && JSON.stringify(fields),
    filters: wireFilters(filters),
    or_filters: wireFilters(orFilters),
    order_by: orderBy,
    limit,
    start,
    after,
    expand: expand && JSON.stringify(expand),
    parent,
  }
}

/** What a v2 answer is about. */
export function dataOf(answer: Answer): unknown {
  return isRecord(answer.body) ? answer.body.data : undefined
}

/** Passes on the caller's signal, if there is one. */
export function signalOf(options: CallOptions | undefined): { signal?: AbortSignal } {
  return options?.signal ? { signal: options.signal } : {}
}
