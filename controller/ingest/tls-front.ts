import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { AddressInfo, Socket } from 'node:net'

import type { Log } from '../../common/log.js'
import type { CertificateAuthority } from './ca.js'
import type { IngestMetrics } from './ingest-metrics.js'
import { readPeer, type Peer } from './peer-certificate.js'

/** Half of the controller certificate's life; then a fresh one is put in place without closing anything. */
const renewEveryMs = 45 * 86_400_000

/** setTimeout cannot wait longer than 2^31 ms. */
const longestTimerMs = 2_000_000_000

/** Both ends of a connection. */
export interface ConnectionEnds {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}

export interface TlsFront {
  readonly port: number
  /** Who is at the other end of an open connection, by what is trusted now. */
  peerAt(connection: ConnectionEnds): Peer
  /** A fresh certificate for new connections, and the authorities as they are now. Open connections stay. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/**
 * The TLS side of the gRPC port. It asks for a client certificate and lets a connection without one through, because
 * enrolment has none yet, and one whose certificate has expired, because it may renew; every call but Enrol judges the peer
 * (`peerAt`). grpc-js's own TLS cannot do that.
 */
export async function openTlsFront(options: {
  readonly host: string
  readonly port: number
  readonly ca: CertificateAuthority
  readonly metrics: IngestMetrics
  readonly log: Log
  readonly now: () => number
  readonly onConnection: (socket: TLSSocket) => void
}): Promise<TlsFront> {
  const { ca, log, metrics, now } = options
  const tlsOptions = async (): Promise<{ key: string; cert: string; ca: string[]; minVersion: 'TLSv1.3' }> => {
    const identity = await ca.issueServer(now())
    return {
      key: identity.privateKeyPem,
      cert: identity.chainPem,
      ca: ca.trusted.map(({ certificatePem }) => certificatePem),
      minVersion: 'TLSv1.3',
    }
  }
  const server = createServer({
    ...(await tlsOptions()),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    handshakeTimeout: 10_000,
  })
  server.maxConnections = 20_000
  // Those that are still in their handshake too: a peer that says nothing must not hold up the end.
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const connections = new Map<string, { readonly certificate: Uint8Array | undefined; readonly chainHolds: boolean }>()
  server.on('secureConnection', (socket) => {
    const key = connectionKey(socket)
    connections.set(key, { certificate: shownCertificate(socket), chainHolds: chainHolds(socket) })
    socket.on('close', () => connections.delete(key))
    socket.on('error', (error) => log.debug({ err: error }, 'connection of an agent broke'))
    options.onConnection(socket)
  })
  server.on('tlsClientError', (error, socket) => {
    metrics.refusedConnections.inc({ reason: 'tls' })
    log.debug({ err: error, peer: socket.remoteAddress }, 'TLS handshake failed')
  })
  const refresh = async (): Promise<void> => {
    server.setSecureContext(await tlsOptions())
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
  await listen(server, options.host, options.port)
  server.on('error', (error) => log.error({ err: error }, 'gRPC port failed'))
  return {
    port: portOf(server.address()),
    refresh,
    peerAt(connection) {
      const found = connections.get(connectionKey(connection))
      if (found === undefined) return { status: 'none' }
      const peer = readPeer(found.certificate, ca.trusted)
      if (peer.status !== 'agent' || found.chainHolds) return peer
      return { status: 'foreign', details: 'its chain does not hold' }
    },
    async close() {
      clearInterval(renewal)
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
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
