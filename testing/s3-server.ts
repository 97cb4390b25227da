import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
// @ts-expect-error it comes without types
import S3rver from 's3rver'

/** An S3 service for tests, and what goes wrong on the way to it. */
export interface TestS3 {
  /** The keys of a site's configuration that lead there. */
  readonly config: Readonly<Record<string, unknown>>
  /** What the next requests meet instead of the service, one each: a status, `cut` (the answer breaks off halfway), `reset`, or nothing wrong. */
  readonly faults: (number | 'cut' | 'reset' | 'pass')[]
  /** `METHOD /path?query` of every request so far. */
  readonly asked: string[]
}

/** What is used of it. */
interface Running {
  run(): Promise<AddressInfo>
  close(): Promise<void>
}

/**
 * s3rver behind a door that can fail. It knows no signatures of version 4 and no conditional writes, so that nothing here may rest on
 * them. With ORC_TEST_S3_URL (`http://KEY:SECRET@host:port/bucket`) that service is behind the door.
 */
export async function testS3(): Promise<TestS3> {
  const given = process.env.ORC_TEST_S3_URL ? new URL(process.env.ORC_TEST_S3_URL) : undefined
  const target = given ?? (await openS3Rver())
  const faults: TestS3['faults'] = []
  const asked: string[] = []
  const door = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    const fault = faults.shift()
    if (fault === 'reset') incoming.socket.destroy()
    else if (typeof fault === 'number') {
      incoming.resume()
      incoming.once('end', () => outgoing.writeHead(fault).end('<Error><Code>Trouble</Code></Error>'))
    } else pass(incoming, outgoing, target, fault === 'cut')
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  after(() => {
    door.closeAllConnections()
    door.close()
  })
  const config = {
    files: 's3',
    s3_endpoint: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    s3_bucket: given?.pathname.slice(1) ?? 'files',
    s3_access_key: given ? decodeURIComponent(given.username) : 'S3RVER',
    s3_secret_key: given ? decodeURIComponent(given.password) : 'S3RVER',
    s3_prefix: 'exam',
  }
  return { config, faults, asked }
}

async function openS3Rver(): Promise<URL> {
  const directory = await mkdtemp(join(tmpdir(), 'orc-s3-'))
  const options = { port: 0, address: '127.0.0.1', silent: true, directory, configureBuckets: [{ name: 'files' }] }
  const server: Running = new S3rver(options)
  const { port } = await server.run()
  after(async () => {
    await server.close()
    await rm(directory, { recursive: true, force: true })
  })
  return new URL(`http://127.0.0.1:${port}`)
}

/** The Host header stays: signatures are over it. */
function pass(incoming: IncomingMessage, outgoing: ServerResponse, { hostname, port }: URL, isCut: boolean): void {
  const { method, url, headers } = incoming
  const onward = request({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
    if (!isCut) {
      answer.pipe(outgoing)
      return
    }
    answer.once('data', (part: Buffer) => {
      outgoing.write(part.subarray(0, part.length / 2), () => outgoing.destroy())
      answer.destroy()
    })
  })
  onward.once('error', () => outgoing.destroy())
  incoming.pipe(onward)
}
