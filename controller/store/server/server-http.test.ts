import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterEach, expect, it } from 'vitest'

import { ServerHttp, ServerStatusError } from './server-http.js'
import type { ServerAddress } from './worker-options.js'

const open: { server: Server; http: ServerHttp }[] = []

afterEach(async () => {
  for (const { server, http } of open.splice(0)) {
    http.close()
    server.closeAllConnections()
    await new Promise((resolve) => {
      server.close(resolve)
    })
  }
})

async function serving(
  listener: RequestListener,
  change: Partial<ServerAddress> = {},
  deadlineMs = 5000,
): Promise<ServerHttp> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port }: AddressInfo = addressOf(server)
  const url = `http://127.0.0.1:${port}/base`
  const http = new ServerHttp(
    { url, user: undefined, password: undefined, token: undefined, ca: undefined, ...change },
    deadlineMs,
  )
  open.push({ server, http })
  return http
}

function addressOf(server: Server): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return address
}

it('asks below its path, with a query, and takes the answer', async () => {
  const http = await serving((request, response) => response.end(`${request.method} ${request.url}`))
  expect(await http.text({ path: '/api', query: [['match[]', '{a="ü&"}']] })).toBe(
    'GET /base/api?match%5B%5D=%7Ba%3D%22%C3%BC%26%22%7D',
  )
})

it('posts what has a body', async () => {
  const http = await serving((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece))
    request.on('end', () => response.end(`${request.method} ${request.headers['content-length']} ${body}`))
  })
  expect(await http.text({ path: '/write', body: 'é' })).toBe('POST 2 é')
})

it.each([
  [{ user: 'me', password: 'pässword' }, 'Basic bWU6cMOkc3N3b3Jk'],
  [{ token: 'abc' }, 'Bearer abc'],
  [{}, 'undefined'],
])('says who it is: %j', async (credentials, expected) => {
  const http = await serving((request, response) => response.end(String(request.headers.authorization)), credentials)
  expect(await http.text({ path: '' })).toBe(expected)
})

it('gives lines as they come, also one without an end', async () => {
  const http = await serving((_request, response) => {
    response.write('one\ntw')
    response.write('o\n')
    response.end('three')
  })
  const lines: string[] = []
  for await (const line of http.lines({ path: '' })) lines.push(line)
  expect(lines).toEqual(['one', 'two', 'three'])
})

it('says what the server said when that was no', async () => {
  const http = await serving((_request, response) => response.writeHead(422).end('{"error":"no such thing"}'))
  const failure = http.text({ path: '' })
  await expect(failure).rejects.toBeInstanceOf(ServerStatusError)
  await expect(failure).rejects.toMatchObject({ status: 422, message: expect.stringContaining('no such thing') })
})

it.each<[string, RequestListener]>([
  ['says nothing', () => undefined],
  ['stops in the middle', (_request, response) => response.writeHead(200, { 'content-length': '10' }).write('half')],
])('gives up on a server that %s', async (_what, listener) => {
  const http = await serving(listener, {}, 200)
  await expect(http.text({ path: '' })).rejects.toThrow('no answer within 0.2 s')
})

it('fails when the connection breaks off', async () => {
  const http = await serving((_request, response) => {
    response.writeHead(200, { 'content-length': '10' }).write('half', () => response.destroy())
  })
  await expect(http.text({ path: '' })).rejects.toThrow(/aborted|socket hang up|ECONNRESET/)
})

it('ends what is under way', async () => {
  let arrived: () => void = () => undefined
  const asked = new Promise<void>((resolve) => (arrived = resolve))
  const http = await serving(() => arrived())
  const call = http.text({ path: '' })
  call.catch(() => undefined)
  await asked
  http.close()
  await expect(call).rejects.toThrow(/aborted|socket hang up|ECONNRESET/)
})
