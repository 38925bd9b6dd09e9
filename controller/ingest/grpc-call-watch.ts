import {
  ServerInterceptingCall,
  status,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js'

import type { CallTrack } from './connection-book.js'
import type { MessageRefusal } from './refusal-notes.js'
import type { ConnectionEnds } from './tls-front.js'

/**
 * Keeps account of every call: whose turn it is, so that a message that takes too long can be told from a handler that does;
 * and of messages that grpc-js itself refuses, which no handler ever sees. It has to be the first of the interceptors.
 */
export function watchCalls(options: {
  readonly trackCall: (connection: ConnectionEnds) => CallTrack | undefined
  readonly onRefused: (reason: MessageRefusal, peer: string) => void
  /** Monotonic, milliseconds. */
  readonly clock: () => number
}): ServerInterceptor {
  const { trackCall, onRefused, clock } = options
  return (_method, call) => {
    const handler = { hasEnded: false }
    const send = call.sendStatus.bind(call)
    // grpc-js ends a call by the same method as handlers do, but beneath the interceptors.
    call.sendStatus = (end) => {
      const reason = handler.hasEnded ? undefined : refusals.get(end.code)
      if (reason !== undefined) onRefused(reason, call.getPeer())
      send(end)
    }
    return new WatchedCall(call, handler, trackCall(call.getConnectionInfo()), clock)
  }
}

const refusals: ReadonlyMap<status, MessageRefusal> = new Map([
  [status.RESOURCE_EXHAUSTED, 'too-large'],
  [status.INTERNAL, 'malformed'],
  [status.UNIMPLEMENTED, 'malformed'],
])

class WatchedCall extends ServerInterceptingCall {
  constructor(
    call: ServerInterceptingCallInterface,
    handler: { hasEnded: boolean },
    private readonly track: CallTrack | undefined,
    private readonly clock: () => number,
  ) {
    super(call, {
      start: (next) => {
        next({
          onReceiveMessage: (message: unknown, nextMessage) => {
            track?.received(clock())
            nextMessage(message)
          },
          // Comes at the end of every call, however it ended.
          onCancel: () => {
            track?.ended(clock())
          },
        })
      },
      sendStatus: (end, next) => {
        // It may take the peer as long as it likes to take note of that: it is over for us.
        handler.hasEnded = true
        track?.ended(clock())
        next(end)
      },
    })
  }

  override startRead(): void {
    this.track?.awaits(this.clock())
    super.startRead()
  }
}
