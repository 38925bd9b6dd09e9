import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { AddressInfo, Socket } from 'node:net'

import type { Log } from '../../common/log.js'
import type { CertificateAuthority } from './ca.js'
import type { IngestMetrics } from './ingest-metrics.js'

/** Half of the controller certificate's life; then a fresh one is put in place without closing anything. */
const renewEveryMs = 45 * 86_400_000

/** setTimeout cannot wait longer than 2^31 ms. */
const longestTimerMs = 2_000_000_000

/**
 * The TLS side of the gRPC port. It asks for a client certificate and lets a connection without one through, because
 * enrolment has none yet; every call but Enrol checks the peer itself (`peerAgentId`). grpc-js's own TLS cannot do both.
 */
export async function openTlsFront(options: {
  readonly host: string
  readonly port: number
  readonly ca: CertificateAuthority
  readonly metrics: IngestMetrics
  readonly log: Log
  readonly now: () => number
  readonly onConnection: (socket: TLSSocket) => void
}): Promise<{ port: number; close(): Promise<void> }> {
  const { ca, log, metrics, now } = options
  const tlsOptions = async (): Promise<{ key: string; cert: string; ca: string; minVersion: 'TLSv1.3' }> => {
    const identity = await ca.issueServer(now())
    // The CA goes along in the chain, so that a joining agent can check its key against the join token.
    return {
      key: identity.privateKeyPem,
      cert: identity.certificatePem + '\n' + ca.certificatePem,
      ca: ca.certificatePem,
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
  server.on('secureConnection', (socket) => {
    socket.on('error', (error) => log.debug({ err: error }, 'connection of an agent broke'))
    options.onConnection(socket)
  })
  server.on('tlsClientError', (error, socket) => {
    metrics.refusedConnections.inc({ reason: 'tls' })
    log.debug({ err: error, peer: socket.remoteAddress }, 'TLS handshake failed')
  })
  const renewal = setInterval(
    () => {
      tlsOptions().then(
        (fresh) => server.setSecureContext(fresh),
        (error: unknown) => log.error({ err: error }, "the controller's certificate could not be renewed"),
      )
    },
    Math.min(renewEveryMs, longestTimerMs),
  )
  renewal.unref()
  await listen(server, options.host, options.port)
  server.on('error', (error) => log.error({ err: error }, 'gRPC port failed'))
  return {
    port: portOf(server.address()),
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
