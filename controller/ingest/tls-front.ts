import { createServer as createListener, type AddressInfo, type Server } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'

import type { Log } from '../../common/log.js'
import type { CertificateAuthority } from './ca.js'
import { ConnectionBook, type CallTrack, type Connection } from './connection-book.js'
import type { ConnectionLimits, ConnectionRefusal } from './connection-limits.js'
import type { IngestMetrics } from './ingest-metrics.js'
import { readPeer, validityOf, type Peer } from './peer-certificate.js'

/** Half of the controller certificate's life; then a fresh one is put in place without closing anything. */
const renewEveryMs = 45 * 86_400_000

/** setTimeout cannot wait longer than 2^31 ms. */
const longestTimerMs = 2_000_000_000

/** Connections that are ended and not yet gone. */
const closingAtOnce = 256

/** Both ends of a connection. */
export interface ConnectionEnds {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}

export interface TlsFront {
  readonly port: number
  /** Of the certificate that new connections are shown. */
  readonly certificateEndsAtMs: number
  /** Who is at the other end of an open connection, by what is trusted now. */
  peerAt(connection: ConnectionEnds): Peer
  /** Keeps account of a call on an open connection; undefined if that is closed. */
  trackCall(connection: ConnectionEnds): CallTrack | undefined
  /** A fresh certificate for new connections, and the authorities as they are now. Open connections stay. */
  refresh(): Promise<void>
  close(): Promise<void>
}

interface Shaken {
  readonly connection: Connection
  readonly certificate: Uint8Array | undefined
  readonly chainHolds: boolean
}

/**
 * The TLS side of the gRPC port. It asks for a client certificate and lets a connection without one through, because
 * enrolment has none yet, and one whose certificate has expired, because it may renew; every call but Enrol judges the peer
 * (`peerAt`). grpc-js's own TLS cannot do that. Every connection is in the book from its first packet on.
 */
export async function openTlsFront(options: {
  readonly host: string
  readonly port: number
  readonly ca: CertificateAuthority
  readonly limits: ConnectionLimits
  readonly metrics: IngestMetrics
  /** Counts and logs it. */
  readonly onRefused: (reason: ConnectionRefusal, peer: string) => void
  readonly log: Log
  readonly now: () => number
  readonly onConnection: (socket: TLSSocket) => void
}): Promise<TlsFront> {
  const { ca, limits, log, metrics, now, onRefused } = options
  let certificateEndsAtMs = 0
  const tlsOptions = async (): Promise<{ key: string; cert: string; ca: string[]; minVersion: 'TLSv1.3' }> => {
    const identity = await ca.issueServer(now())
    certificateEndsAtMs = identity.notAfterMs
    return {
      key: identity.privateKeyPem,
      cert: identity.chainPem,
      ca: ca.trusted.map(({ certificatePem }) => certificatePem),
      minVersion: 'TLSv1.3',
    }
  }
  // Never listens itself: what comes in is judged before any TLS. The deadline of the handshake is the book's.
  const tls = createServer({
    ...(await tlsOptions()),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    handshakeTimeout: limits.handshakeMs * 2,
  })
  // By our own clock: deadlines are lengths of time, and the machine's clock may be set.
  const clock = (): number => performance.now()
  const book = new ConnectionBook(limits, onRefused, clock())
  const opened = new Map<string, Connection>()
  const shaken = new Map<string, Shaken>()
  let closing = false

  const listener = createListener({ noDelay: true }, (socket) => {
    const { remoteAddress: address, remotePort: port } = socket
    if (address === undefined || port === undefined) {
      // Gone already.
      socket.destroy()
      return
    }
    socket.on('error', (error) => log.debug({ err: error, peer: `${address}:${port}` }, 'connection broke'))
    const connection = book.accept(socket, { address, port }, clock())
    if (connection === undefined) return
    const key = connectionKey(socket)
    opened.set(key, connection)
    socket.on('close', () => {
      if (opened.get(key) === connection) opened.delete(key)
      book.closed(connection)
    })
    tls.emit('connection', socket)
  })

  tls.on('secureConnection', (socket) => {
    const key = connectionKey(socket)
    const connection = opened.get(key)
    if (connection === undefined) {
      socket.destroy()
      return
    }
    const certificate = shownCertificate(socket)
    const peer = readPeer(certificate, ca.trusted)
    const held = { connection, certificate, chainHolds: chainHolds(socket) }
    const isAgent = peer.status === 'agent' && held.chainHolds && validityOf(peer, now()) === 'current'
    book.identify(connection, isAgent ? peer.agentId : undefined, clock())
    if (connection.endedFor !== undefined) return
    shaken.set(key, held)
    socket.on('close', () => shaken.delete(key))
    noteEnd(socket, (reason) => {
      if (!closing && connection.endedFor === undefined) onRefused(reason, connection.peer)
    })
    options.onConnection(socket)
  })
  tls.on('tlsClientError', (error, socket) => {
    log.debug({ err: error, peer: socket.remoteAddress }, 'TLS handshake failed')
    const connection = opened.get(connectionKey(socket))
    // A peer that goes in the middle of it has done nothing wrong, nor do we count twice whom we ended ourselves.
    if (connection?.endedFor === undefined && !isPeersLeaving(error)) onRefused('tls', connection?.peer ?? 'unknown')
    socket.destroy()
  })
  // The book ends the oldest stranger before it comes to this.
  listener.maxConnections = limits.agents + limits.strangers + closingAtOnce
  listener.on('drop', (from) => onRefused('too-many-connections', `${from?.remoteAddress}:${from?.remotePort}`))

  const refresh = async (): Promise<void> => {
    tls.setSecureContext(await tlsOptions())
  }
  const renewal = setInterval(
    () => {
      refresh().catch((error: unknown) => {
        log.error({ err: error }, "the controller's certificate could not be renewed")
      })
    },
    Math.min(renewEveryMs, longestTimerMs),
  )
  renewal.unref()
  const sweep = setInterval(() => {
    book.sweep(clock())
    metrics.connections.set({ of: 'agents' }, book.agentConnections)
    metrics.connections.set({ of: 'strangers' }, book.strangers)
  }, limits.sweepMs)
  sweep.unref()
  await listen(listener, options.host, options.port)
  listener.on('error', (error) => log.error({ err: error }, 'gRPC port failed'))
  return {
    port: portOf(listener.address()),
    get certificateEndsAtMs() {
      return certificateEndsAtMs
    },
    refresh,
    peerAt(ends) {
      const found = shaken.get(connectionKey(ends))
      if (found === undefined) return { status: 'none' }
      const peer = readPeer(found.certificate, ca.trusted)
      if (peer.status !== 'agent' || found.chainHolds) return peer
      return { status: 'foreign', details: 'its chain does not hold' }
    },
    trackCall(ends) {
      const found = shaken.get(connectionKey(ends))
      return found === undefined ? undefined : book.openCall(found.connection, clock())
    },
    async close() {
      closing = true
      clearInterval(renewal)
      clearInterval(sweep)
      const closed = new Promise<void>((resolve) => {
        listener.close(() => resolve())
      })
      for (const { socket } of opened.values()) socket.destroy()
      await closed
    },
  }
}

/** Finds out why a connection ends that its peer did not close: HTTP/2 gave it up, for what it said or because it says nothing. */
function noteEnd(socket: TLSSocket, onRefused: (reason: 'protocol' | 'no-answer') => void): void {
  let isExplained = false
  socket.on('end', () => {
    isExplained = true
  })
  socket.on('error', (error: Error & { readonly code?: string }) => {
    if (error.code?.startsWith('ERR_HTTP2') === true) onRefused('protocol')
    isExplained = true
  })
  socket.on('close', () => {
    if (!isExplained) onRefused('no-answer')
  })
}

function isPeersLeaving(error: Error & { readonly code?: string }): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
}

/** Exact while the connection is open: no two have both ends alike. */
function connectionKey({ remoteAddress, remotePort, localAddress, localPort }: ConnectionEnds): string {
  return `${remoteAddress ?? ''} ${remotePort ?? ''} ${localAddress ?? ''} ${localPort ?? ''}`
}

function shownCertificate(socket: TLSSocket): Uint8Array | undefined {
  // Node gives an empty object where there is none.
  const shown: { readonly raw?: Buffer } = socket.getPeerCertificate()
  return shown.raw
}

/** What OpenSSL found, but for dates: those are compared with our clock at each call. */
function chainHolds(socket: TLSSocket): boolean {
  return socket.authorized || ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'].includes(String(socket.authorizationError))
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}
