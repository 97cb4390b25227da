import fastify from 'fastify'
import { reportToParent } from './measured-process.ts'

const settings = JSON.parse(process.argv[2] ?? '{}') as {
  engine: 'sqlite' | 'postgres'
  address: string
  organization: string
  durable?: boolean
}
const { openFloorStore } = settings.engine === 'sqlite' ? await import('./floor-sqlite.ts') : await import('./floor-postgres.ts')
const store = await openFloorStore(settings)

// What somebody would write by hand who needs these four addresses only: no rights, no checks, no history.
const app = fastify({ logger: false })
app.get('/ping', () => ({ message: 'pong' }))
app.get<{ Params: { name: string } }>('/ticket/:name', async (request, reply) => {
  const ticket = await store.ticket(request.params.name)
  return ticket ? { data: ticket } : reply.code(404).send({ error: 'not found' })
})
app.get<{ Querystring: { status: string } }>('/ticket', async (request) => ({ data: await store.list(request.query.status) }))
app.post('/ticket', async (request) => ({ data: await store.create(request.body as Record<string, unknown>) }))
await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()

reportToParent(typeof address === 'object' && address ? address.port : 0, async () => {
  await app.close()
  await store.close()
})
