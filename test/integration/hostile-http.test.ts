import { connect, type Socket } from 'node:net'

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import { startApiFixture, type ApiFixture } from '../support/api-fixture.js'
import { collectedLog } from '../support/log-lines.js'

/** Page and API under attack. Deadlines are short here, and few connections are many. */
const { log, lines } = collectedLog()
let fixture: ApiFixture
const sockets: Socket[] = []

beforeAll(async () => {
  fixture = await startApiFixture({
    log,
    httpLimits: { connections: 40, headersMs: 400, requestMs: 800, silenceMs: 900, keepAliveMs: 300, checkMs: 50 },
    streamLimits: { streams: 6, streamsPerCaller: 3, heartbeatMs: 60_000 },
  })
})
afterAll(() => fixture.stop())
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

interface Heard {
  readonly socket: Socket
  text: string
  isClosed: boolean
}

function open(first = ''): Heard {
  const socket = connect(fixture.api.port, '127.0.0.1')
  sockets.push(socket)
  const heard: Heard = { socket, text: '', isClosed: false }
  socket.on('error', () => undefined)
  socket.on('data', (bytes) => {
    heard.text += bytes.toString()
  })
  socket.on('close', () => {
    heard.isClosed = true
  })
  if (first !== '') socket.write(first)
  return heard
}

/** Says one byte after the other, for as long as the other side listens. */
function dribble(text: string, first = ''): Heard {
  const heard = open(first)
  let at = 0
  const timer = setInterval(() => {
    if (heard.isClosed || at >= text.length) return clearInterval(timer)
    heard.socket.write(text.charAt(at))
    at += 1
  }, 20)
  return heard
}

async function counted(reason: string): Promise<number> {
  const line = new RegExp(`^headroom_api_refused_connections_total\\{reason="${reason}"\\} (\\d+)`, 'm')
  return Number(line.exec(await fixture.registry.metrics())?.[1] ?? 0)
}

/** It is ended, with or without a word, counted, and written down; meanwhile others are answered at once. */
async function assertEnded(heard: Heard, reason: string, status: string): Promise<void> {
  const began = performance.now()
  expect((await fixture.ask('/healthz')).status).toBe(200)
  expect(performance.now() - began).toBeLessThan(500)
  await vi.waitFor(() => expect(heard.isClosed).toBe(true), 5000)
  expect(heard.text.split('\r\n')[0]).toBe(status)
  expect(await counted(reason)).toBeGreaterThan(0)
  expect(lines).toContainEqual(expect.objectContaining({ reason, peer: '127.0.0.1' }))
}

const post = 'POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n'

describe('a peer of the HTTP port', () => {
  it.each<[what: string, peer: () => Heard, reason: string, status: string]>([
    ['that says nothing', () => open(), 'request-timeout', 'HTTP/1.1 408 Request Timeout'],
    [
      'that says its headers byte by byte',
      () => dribble('x'.repeat(1000), 'GET / HTTP/1.1\r\nX-Slow: '),
      'request-timeout',
      'HTTP/1.1 408 Request Timeout',
    ],
    [
      'that says its body byte by byte',
      () => dribble('x'.repeat(5000), post),
      'request-timeout',
      'HTTP/1.1 408 Request Timeout',
    ],
    ['that speaks no HTTP', () => open('\u0016\u0003\u0001\u0002\r\n\r\n'), 'malformed', 'HTTP/1.1 400 Bad Request'],
    [
      'that has too much in its headers',
      () => open(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`),
      'headers-too-large',
      'HTTP/1.1 400 Bad Request',
    ],
  ])('%s is told so, and ended', async (_what, peer, reason, status) => {
    await assertEnded(peer(), reason, status)
  })

  it('that does not read its answer is ended', async () => {
    const authorization = `Authorization: Bearer ${fixture.token}\r\n`
    const peer = open()
    peer.socket.pause()
    // More than the network holds on the way.
    peer.socket.write(`GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n${authorization}\r\n`.repeat(300))
    await vi.waitFor(async () => expect(await counted('silence')).toBe(1), 8000)
    expect(lines).toContainEqual(expect.objectContaining({ reason: 'silence', peer: '127.0.0.1' }))
  })

  it('is refused when there are as many as may be, and let in when they are gone', async () => {
    const idle = Array.from({ length: 60 }, () => open())
    await vi.waitFor(async () => expect(await counted('too-many-connections')).toBeGreaterThanOrEqual(20))
    expect(lines).toContainEqual(expect.objectContaining({ reason: 'too-many-connections', peer: '127.0.0.1' }))
    await vi.waitFor(() => expect(idle.every(({ isClosed }) => isClosed)).toBe(true), 5000)
    expect((await fixture.ask('/healthz')).status).toBe(200)
  })
})

it('one caller has so many event streams, and leaves some to others', async () => {
  const stream = (): Heard =>
    open(`GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`)
  const streams = Array.from({ length: 5 }, stream)
  await vi.waitFor(() => expect(streams.every(({ text }) => text.startsWith('HTTP/1.1 '))).toBe(true))
  const statuses = streams.map(({ text }) => text.slice(9, 12)).toSorted()
  expect(statuses).toEqual(['200', '200', '200', '503', '503'])
  const metrics = await fixture.registry.metrics()
  expect(metrics).toContain('headroom_api_streams 3')
  expect(metrics).toContain('headroom_api_streams_refused_total 2')
})
