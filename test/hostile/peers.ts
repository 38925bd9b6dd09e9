import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

import { FromAgent, Hello } from '../../proto/gen/headroom/v1/agent.js'
import { Report } from '../../proto/gen/headroom/v1/report.js'

/** What a peer does that means no good. */
export const attacks = [
  /** Connects and says nothing. */
  'tcp-idle',
  /** Shakes hands and says nothing. */
  'tls-idle',
  /** Speaks HTTP/2, and answers pings, without a call. */
  'http2-idle',
  /** Opens a session without a hello. */
  'stream-idle',
  /** Shakes hands byte by byte. */
  'slow-handshake',
  /** The first words of HTTP/2 byte by byte. */
  'slow-preface',
  /** The headers of a call byte by byte. */
  'slow-headers',
  /** A report byte by byte. */
  'slow-report',
  /** A session that does not read what it is sent, nor answers pings. */
  'deaf',
  /** Connects, shakes hands and goes, again and again. */
  'come-and-go',
] as const
export type Attack = (typeof attacks)[number]

export interface Target {
  readonly host: string
  readonly port: number
  /** An agent's identity for those attacks that need one. */
  readonly identity?: { readonly certificatePem: string; readonly privateKeyPem: string }
  /** The host that it speaks for. */
  readonly hostId?: string
  /** How often those that are slow say a byte; 10 ms if absent. */
  readonly dribbleMs?: number
}

/** One hostile connection. `isClosed` once the other side, or the network, has ended it. */
export interface HostilePeer {
  readonly isClosed: boolean
  stop(): void
}

/** A ClientHello of TLS 1.3 as far as it matters: a record that says it is 512 bytes long, and never is. */
const halfHello = Buffer.concat([
  Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
  Buffer.alloc(512),
])
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
/** HEADERS of stream 1 that open a session: literal fields, none of them indexed or squeezed. */
const sessionHeaders = frame(
  1,
  4,
  Buffer.concat(
    [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', 'controller'],
      [':path', '/headroom.v1.Agent/Session'],
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
    ].map(([name = '', value = '']) =>
      Buffer.concat([
        Buffer.from([0, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ]),
    ),
  ),
)
/** HEADERS of stream 1 without END_HEADERS, said to be 255 bytes long: fields that are not indexed, one after the other. */
const halfHeaders = Buffer.concat([Buffer.from([0, 0, 255, 1, 0, 0, 0, 0, 1]), Buffer.alloc(255, 0x82)])

export function attack(kind: Attack, target: Target): HostilePeer {
  const stops: (() => void)[] = []
  let isClosed = false
  const watch = <One extends Socket | TLSSocket | ClientHttp2Session>(one: One): One => {
    one.on('error', () => undefined)
    one.on('close', () => {
      isClosed = true
    })
    stops.push(() => one.destroy())
    return one
  }
  const { host, port, dribbleMs = 10 } = target
  const dribble = (bytes: Buffer, say: (byte: Buffer) => void): void => {
    let at = 0
    const timer = setInterval(() => {
      if (isClosed || at >= bytes.length) return clearInterval(timer)
      say(bytes.subarray(at, at + 1))
      at += 1
    }, dribbleMs)
    stops.push(() => clearInterval(timer))
  }
  const certificate = target.identity && { cert: target.identity.certificatePem, key: target.identity.privateKeyPem }
  const tlsOptions = { host, port, rejectUnauthorized: false, ALPNProtocols: ['h2'], ...certificate }
  const tcp = (): Socket => watch(connectTcp({ host, port }))
  const tls = (): TLSSocket => watch(connectTls(tlsOptions)).resume()
  const http2 = (): ClientHttp2Session =>
    watch(connectHttp2(`https://${host}:${port}`, { rejectUnauthorized: false, ...certificate }))
  const session = () => {
    const stream = http2().request({
      ':method': 'POST',
      ':path': '/headroom.v1.Agent/Session',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('error', () => undefined)
    return stream
  }
  const { hostId = 'h' } = target
  switch (kind) {
    case 'tcp-idle':
      tcp()
      break
    case 'tls-idle':
      tls()
      break
    case 'http2-idle':
      http2()
      break
    case 'stream-idle':
      session()
      break
    case 'slow-handshake': {
      const socket = tcp()
      dribble(halfHello, (byte) => socket.write(byte))
      break
    }
    case 'slow-preface': {
      const socket = tls()
      socket.on('secureConnect', () => dribble(preface, (byte) => socket.write(byte)))
      break
    }
    case 'slow-headers': {
      const socket = tls()
      socket.on('secureConnect', () => {
        socket.write(Buffer.concat([preface, settings]))
        dribble(halfHeaders, (byte) => socket.write(byte))
      })
      break
    }
    case 'slow-report': {
      const stream = session()
      stream.resume()
      stream.write(framed(helloOf(hostId)))
      dribble(framed(reportOf(hostId, 1)), (byte) => stream.write(byte))
      break
    }
    case 'deaf': {
      // What the network brings is left where it is: neither acks nor pings are seen.
      const socket = tls()
      socket.on('secureConnect', () => {
        socket.pause()
        socket.write(Buffer.concat([preface, settings, sessionHeaders, frame(0, 0, framed(helloOf(hostId)))]))
      })
      break
    }
    case 'come-and-go': {
      const again = (): void => {
        const socket = connectTls(tlsOptions)
        socket.on('error', () => undefined)
        socket.on('secureConnect', () => socket.destroy())
        socket.on('close', () => {
          if (!isStopped) setTimeout(again, 5)
        })
      }
      let isStopped = false
      stops.push(() => {
        isStopped = true
      })
      again()
    }
  }
  return {
    get isClosed() {
      return isClosed
    },
    stop() {
      for (const stop of stops) stop()
    },
  }
}

/** An HTTP/2 frame of stream 1. */
function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(1, 5)
  return Buffer.concat([head, payload])
}

/** A message as gRPC frames it. */
export function framed(message: FromAgent): Buffer {
  const bytes = FromAgent.encode(message).finish()
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

function helloOf(hostId: string): FromAgent {
  const draft = {
    spoolId: 's',
    wallMs: Date.now(),
    nextSeq: 1,
    hosts: [{ hostId, name: hostId, kind: 1, bootId: 'b' }],
  }
  return { message: { $case: 'hello', value: Hello.fromJSON(draft) } }
}

function reportOf(hostId: string, seq: number): FromAgent {
  const gaps = Array.from({ length: 40 }, () => ({ group: 'g', message: 'x'.repeat(400) }))
  const draft = { spoolId: 's', seq, hostId, bootId: 'b', atMs: Date.now(), lane: 1, gaps }
  return { message: { $case: 'report', value: Report.fromJSON(draft) } }
}
