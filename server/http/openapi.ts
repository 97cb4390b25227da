import type { Context } from '#kernel/context/context.ts'
import { guestName } from '#kernel/identity/principals.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import type { DocumentMethod, Method, Rule } from '#kernel/methods/method.ts'
import { grantFor } from '#kernel/permissions/grants.ts'
import type { Answer } from './exchange.ts'

type Json = Record<string, unknown>

/** The site's API for this caller, as OpenAPI 3.1: what a guest may call without signing in, everything for those who may do everything. */
export async function openApiAnswer(ctx: Context): Promise<Answer> {
  return { raw: { type: 'application/json; charset=utf-8', body: await openApiText(ctx) } }
}

/** The document as text. Those that many ask for, the whole and a visitor's, are kept until definitions or rights change. */
async function openApiText(ctx: Context): Promise<string> {
  const isShared = ctx.user.scopes === undefined && (ctx.user.unrestricted || ctx.user.name === guestName)
  const key = `http:openapi:${ctx.user.name}`
  const known = isShared ? ctx.site.cache.access.get(key) : undefined
  if (known) return known as string
  const epoch = ctx.site.epoch.access
  const text = JSON.stringify(await openApiDocument(ctx))
  if (isShared && ctx.site.epoch.access === epoch) ctx.site.cache.access.set(key, text)
  return text
}

/** DocTypes whose documents the caller has something to do with, by name. */
export async function visibleDocTypes(ctx: Context): Promise<Meta[]> {
  const visible: Meta[] = []
  for (const meta of await ctx.site.meta.all()) {
    if (meta.isTable) continue
    if (ctx.user.unrestricted || (await grantFor(ctx, meta.name, 'read')).allowed || (await grantFor(ctx, meta.name, 'create')).allowed)
      visible.push(meta)
  }
  return visible
}

/** Methods that the caller may call, as far as their rule tells beforehand, by path. */
export function visibleMethods(ctx: Context): Method[] {
  return [...ctx.site.apps.methods()].filter((method) => isOpen(ctx, method.rule)).sort((a, b) => (a.path < b.path ? -1 : 1))
}

function isOpen(ctx: Context, rule: Rule): boolean {
  if (ctx.user.unrestricted || rule.kind === 'guest') return true
  if (ctx.user.name === 'Guest') return false
  return rule.kind !== 'roles' || rule.anyOf.some((role) => ctx.user.roles.has(role))
}

/** @returns an OpenAPI 3.1 document of what the context's user may do */
export async function openApiDocument(ctx: Context): Promise<Json> {
  const metas = await visibleDocTypes(ctx)
  const schemas: Json = { Error: errorSchema }
  const paths: Json = {}
  for (const meta of metas) {
    await addSchema(ctx, schemas, meta)
    addDocumentPaths(paths, meta)
    for (const method of ctx.site.apps.documentMethods(meta.name)) addVerbPath(paths, meta, method)
  }
  for (const method of visibleMethods(ctx)) addMethodPath(paths, method)
  return {
    openapi: '3.1.0',
    info: {
      title: `Orchestrator: ${ctx.site.host}`,
      version: '2',
      description: 'Generated from the DocTypes and methods of this site, as far as the caller may use them.',
    },
    servers: [{ url: '/' }],
    security: [{ key: [] }, { basic: [] }, { session: [] }, {}],
    tags: [...metas.map((meta) => ({ name: meta.name })), { name: 'Methods' }],
    paths,
    components: {
      schemas,
      responses: { Error: { description: 'Refused', content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } } },
      securitySchemes: {
        key: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`token <api key>:<api secret>`' },
        basic: { type: 'http', scheme: 'basic', description: 'API key as user name, API secret as password' },
        session: { type: 'apiKey', in: 'cookie', name: 'sid' },
      },
    },
  }
}

const errorSchema: Json = {
  type: 'object',
  required: ['errors'],
  properties: {
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['type', 'message', 'code'],
        properties: {
          type: { type: 'string', description: 'Class of the failure' },
          code: { type: 'string', description: 'Stable code, for programs' },
          message: { type: 'string' },
          title: { type: 'string' },
          indicator: { type: 'string' },
          field: { type: 'string', description: 'Place in the request, such as items[2].qty' },
          data: { type: 'object' },
        },
      },
    },
  },
}

/** A DocType's name as a component's: no other characters are allowed there. */
function keyOf(doctype: string): string {
  return doctype.replaceAll(/[^A-Za-z0-9._-]/g, '_')
}

const reference = (doctype: string): Json => ({ $ref: `#/components/schemas/${keyOf(doctype)}` })

async function addSchema(ctx: Context, schemas: Json, meta: Meta): Promise<void> {
  const key = keyOf(meta.name)
  if (Object.hasOwn(schemas, key)) return
  const properties: Json = {}
  schemas[key] = {
    type: 'object',
    title: meta.name,
    properties,
    required: meta.fields.filter((field) => field.reqd && isValue(field)).map((field) => field.fieldname),
  }
  for (const field of meta.columns) properties[field.fieldname] = fieldSchema(field)
  for (const field of meta.fields)
    if (isValue(field) && !Object.hasOwn(properties, field.fieldname)) properties[field.fieldname] = fieldSchema(field)
  for (const table of meta.tables) {
    if (!table.options || !(await ctx.site.meta.exists(table.options))) continue
    properties[table.fieldname] = { type: 'array', items: reference(table.options), ...(table.label && { title: table.label }) }
    await addSchema(ctx, schemas, await ctx.site.meta.get(table.options))
  }
}

function isValue(field: MetaField): boolean {
  return field.type.kind !== 'none' && field.type.kind !== 'table'
}

function fieldSchema(field: MetaField): Json {
  const shared: Json = {
    ...(field.label && { title: field.label }),
    ...(field.description ? { description: String(field.description) } : {}),
    ...(field.read_only && { readOnly: true }),
  }
  switch (field.type.kind) {
    case 'number':
      if (field.fieldtype === 'Check') return { ...shared, type: 'integer', enum: [0, 1] }
      return { ...shared, type: /Float|Percent|Rating/.test(field.fieldtype) ? ['number', 'null'] : ['integer', 'null'] }
    case 'decimal':
      return { ...shared, type: ['number', 'string'], description: 'An exact decimal number' }
    case 'date':
      return { ...shared, type: ['string', 'null'], format: 'date' }
    case 'datetime':
      return { ...shared, type: ['string', 'null'], format: 'date-time' }
    default: {
      if (field.fieldtype === 'JSON') return { ...shared }
      const options = field.fieldtype === 'Select' ? (field.options ?? '').split('\n').map((one) => one.trim()) : []
      const described = field.fieldtype === 'Link' && field.options ? { description: `Name of a ${field.options}` } : {}
      return { ...shared, ...described, type: ['string', 'null'], ...(options.length > 0 && { enum: [...new Set([...options, null])] }) }
    }
  }
}

function jsonBody(schema: Json): Json {
  return { required: true, content: { 'application/json': { schema } } }
}

function answers(description: string, data: Json, status = '200', more: Json = {}): Json {
  return {
    [status]: { description, content: { 'application/json': { schema: { type: 'object', properties: { data, ...more } } } } },
    default: { $ref: '#/components/responses/Error' },
  }
}

const query = (name: string, schema: Json, description: string): Json => ({ name, in: 'query', schema, description })

const listParameters: readonly Json[] = [
  query('fields', { type: 'string' }, 'JSON list of fields; also link.field, table.field, {"table":["field"]}, and aggregates'),
  query('filters', { type: 'string' }, 'JSON filters: {"field": value}, or [["field", "operator", value]]'),
  query('or_filters', { type: 'string' }, 'As filters, of which one must be true'),
  query('order_by', { type: 'string' }, 'Such as `modified desc, name asc`'),
  query('group_by', { type: 'string' }, 'Fields to group by'),
  query('start', { type: 'integer', minimum: 0 }, 'Rows to skip'),
  query('limit', { type: 'integer', minimum: 0, default: 20 }, 'Rows to give'),
  query('after', { type: 'string' }, 'Cursor of the page before, instead of start'),
  query('expand', { type: 'string' }, 'JSON list of links to answer as objects'),
  query('include', { type: 'string' }, 'count, link_titles'),
]

const nameParameter: Json = { name: 'name', in: 'path', required: true, schema: { type: 'string' } }

function addDocumentPaths(paths: Json, meta: Meta): void {
  const root = `/api/v2/document/${encodeURIComponent(meta.name)}`
  const key = keyOf(meta.name)
  const tags = [meta.name]
  const one = reference(meta.name)
  if (!meta.isSingle) {
    paths[root] = {
      get: {
        tags,
        operationId: `list.${key}`,
        summary: `Lists ${meta.name} documents`,
        parameters: listParameters,
        responses: answers('A page', { type: 'array', items: { type: 'object' } }, '200', {
          has_next_page: { type: 'boolean' },
          cursor: { type: 'string' },
        }),
      },
      post: {
        tags,
        operationId: `add.${key}`,
        summary: `Adds a ${meta.name}`,
        requestBody: jsonBody(one),
        responses: answers('The document', one),
      },
    }
  }
  paths[`${root}/{name}`] = {
    parameters: [nameParameter],
    get: { tags, operationId: `read.${key}`, summary: `One ${meta.name}`, responses: answers('The document', one) },
    patch: {
      tags,
      operationId: `change.${key}`,
      summary: `Changes a ${meta.name}: only the fields that are given`,
      requestBody: jsonBody(partial(one)),
      responses: answers('The document', one),
    },
    ...(!meta.isSingle && {
      delete: {
        tags,
        operationId: `remove.${key}`,
        summary: `Deletes a ${meta.name}`,
        responses: answers('Deleted', { const: 'ok' }, '202'),
      },
    }),
  }
}

/** Changing a document needs none of the fields that adding one needs. */
function partial(schema: Json): Json {
  return { type: 'object', description: `Some fields of ${String(schema.$ref).split('/').at(-1)}` }
}

function addVerbPath(paths: Json, meta: Meta, method: DocumentMethod): void {
  paths[`/api/v2/document/${encodeURIComponent(meta.name)}/{name}/method/${method.verb}`] = {
    parameters: [nameParameter],
    post: {
      tags: [meta.name],
      operationId: `${method.verb}.${keyOf(meta.name)}`,
      summary: method.summary,
      requestBody: jsonBody(plain(method.input)),
      responses: answers('What it gave', {}),
    },
  }
}

function addMethodPath(paths: Json, method: Method): void {
  const responses = answers('What it gave', {})
  const shared = { tags: ['Methods'], summary: method.summary, responses, 'x-rule': method.rule }
  const item: Json = {}
  for (const verb of method.verbs) {
    const operationId = `${method.path}.${verb.toLowerCase()}`
    if (verb === 'GET') item.get = { ...shared, operationId, parameters: queryOf(method) }
    else item[verb.toLowerCase()] = { ...shared, operationId, requestBody: jsonBody(plain(method.input)) }
  }
  paths[`/api/v2/method/${method.path}`] = item
}

function queryOf({ input }: Method): Json[] {
  const required = new Set((input as { required?: string[] }).required ?? [])
  return Object.entries(input.properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.has(name),
    schema: plain(schema),
  }))
}

/** The schema without what is only for the program. */
function plain(schema: unknown): Json {
  return JSON.parse(JSON.stringify(schema)) as Json
}
