import { ServerInterceptingCall, type Metadata, type ServerInterceptor } from '@grpc/grpc-js'

import type { Peer } from './peer-certificate.js'
import type { ConnectionEnds } from './tls-front.js'

/**
 * Tells handlers who calls. grpc-js shows a peer's certificate only if OpenSSL is content with it; who comes with an expired one
 * has to be known as well. An interceptor sees the connection of a call, a handler its metadata: the one object both see.
 */
export class PeerLookup {
  readonly #peers = new WeakMap<Metadata, Peer>()

  constructor(private readonly peerAt: (connection: ConnectionEnds) => Peer) {}

  readonly interceptor: ServerInterceptor = (_method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, nextMetadata) => {
            this.#peers.set(metadata, this.peerAt(call.getConnectionInfo()))
            nextMetadata(metadata)
          },
        })
      },
    })

  of({ metadata }: { readonly metadata: Metadata }): Peer {
    return this.#peers.get(metadata) ?? { status: 'none' }
  }
}
