import type { Server } from 'node:http'
import type { Socket } from 'node:net'

import { Counter, Gauge, type Registry } from 'prom-client'

import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import { sourceOf } from '../../common/peer-address.js'
import { isLoopbackPeer } from './origin.js'

export interface HttpLimits {
  readonly connections: number
  /** Of one address. Not of this machine's own: behind a proxy on it all come from there. */
  readonly connectionsPerAddress: number
  /** For the headers of a request, from the first byte of the connection, or of the request, on. */
  readonly headersMs: number
  /** For all of a request. */
  readonly requestMs: number
  /** Between two requests on one connection. */
  readonly keepAliveMs: number
  /** Without a byte in either direction, in the midst of an answer too. */
  readonly silenceMs: number
  /** How often the deadlines of requests are looked at. */
  readonly checkMs: number
}

export const defaultHttpLimits: HttpLimits = {
  connections: 1000,
  connectionsPerAddress: 200,
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 60_000,
  silenceMs: 60_000,
  checkMs: 2000,
}

/** Why the port refused a connection, or ended one: a label of a counter. Add, never rename. */
type Refusal =
  | 'too-many-connections'
  | 'too-many-of-address'
  | 'request-timeout'
  | 'silence'
  | 'headers-too-large'
  | 'malformed'

/** Lines of one reason and address in a minute. */
const lines = { most: 5, windowMs: 60_000, mostKeys: 10_000 } as const

/** Connections to the HTTP port: how many, and what becomes of those that are too many, too slow, or no HTTP. */
export class ConnectionGuard {
  readonly #bySource = new Map<string, number>()
  readonly #refused: Counter<'reason'>
  readonly #open: Gauge
  readonly #log: LimitedLog

  constructor(
    private readonly options: {
      readonly limits: HttpLimits
      readonly registry: Registry
      readonly log: Log
      /** What limits the lines of the log. */
      readonly monotonicMs: () => number
    },
  ) {
    const registers = [options.registry]
    this.#log = new LimitedLog(options.log, lines)
    this.#open = new Gauge({ name: 'headroom_api_connections', help: 'Open connections to page and API', registers })
    this.#refused = new Counter({
      name: 'headroom_api_refused_connections_total',
      help: 'Connections to page and API that were refused, or ended because of what came of them',
      labelNames: ['reason'],
      registers,
    })
  }

  /** Watches over a server's connections from now on. */
  watch(server: Server): void {
    const { connections, silenceMs } = this.options.limits
    server.maxConnections = connections
    server.on('drop', (from) => this.#refuse('too-many-connections', from?.remoteAddress))
    server.on('connection', (socket) => this.#take(socket))
    server.setTimeout(silenceMs, (socket: Socket) => {
      this.#refuse('silence', socket.remoteAddress)
      socket.destroy()
    })
  }

  /** Notes what a parser could not make a request of. @returns whether it was too slow rather than wrong */
  broken(error: Error & { readonly code?: string }, socket: Socket): 'timeout' | 'malformed' {
    const isTimeout = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    // Who goes in the middle of a request has done nothing wrong.
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return 'malformed'
    const isLarge = error.code === 'HPE_HEADER_OVERFLOW'
    this.#refuse(isTimeout ? 'request-timeout' : isLarge ? 'headers-too-large' : 'malformed', socket.remoteAddress)
    return isTimeout ? 'timeout' : 'malformed'
  }

  #take(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    const source = sourceOf(address)
    const count = this.#bySource.get(source) ?? 0
    if (count >= this.options.limits.connectionsPerAddress && !isLoopbackPeer(address)) {
      this.#refuse('too-many-of-address', address)
      socket.destroy()
      return
    }
    this.#bySource.set(source, count + 1)
    this.#open.inc()
    socket.on('close', () => {
      this.#open.dec()
      const left = (this.#bySource.get(source) ?? 1) - 1
      if (left === 0) this.#bySource.delete(source)
      else this.#bySource.set(source, left)
    })
  }

  #refuse(reason: Refusal, peer = 'unknown'): void {
    this.#refused.inc({ reason })
    const key = `${reason} ${sourceOf(peer)}`
    this.#log.warn(key, this.options.monotonicMs(), { reason, peer }, 'connection to the HTTP port refused or ended')
  }
}
