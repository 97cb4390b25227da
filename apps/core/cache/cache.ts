import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import { cachesStatus, clearCaches, warmCaches } from '#kernel/cache/operate.ts'
import { defineMethod, roles } from '#kernel/methods/method.ts'

const operators = roles('System Manager')

/** What those who operate a site may see and do of its caches. */
export const cachePart: AppPart = {
  methods: [
    defineMethod({
      path: 'dartwing_company.api.v1.cache.stats',
      summary: 'How the caches do: this process, and the store that processes share.',
      verbs: ['GET'],
      input: Type.Object({}),
      rule: operators,
      handler: (ctx) => cachesStatus(ctx.site),
    }),
    defineMethod({
      path: 'dartwing_company.api.v1.cache.clear',
      summary: 'Empties one cache, or all, in every process.',
      verbs: ['POST'],
      input: Type.Object({ cache: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) }),
      rule: operators,
      handler: async (ctx, { cache }) => ({ cleared: await clearCaches(ctx, cache) }),
    }),
    defineMethod({
      path: 'dartwing_company.api.v1.cache.warm',
      summary: 'Fills the caches that can be filled ahead.',
      verbs: ['POST'],
      input: Type.Object({}),
      rule: operators,
      handler: async (ctx) => ({ warmed: await warmCaches(ctx.site) }),
    }),
  ],
}
