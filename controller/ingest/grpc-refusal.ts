import { Metadata, type ServerDuplexStream, type status } from '@grpc/grpc-js'

import { reasonTrailer, type RefusalReason } from '../../common/refusal-reasons.js'

/** Ends a call with a gRPC status; `details` is what the peer is told, the metadata carries the reason for programs. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused'
  readonly metadata = new Metadata()

  constructor(
    readonly code: status,
    readonly details: string,
    readonly reason?: RefusalReason,
  ) {
    super(details)
    if (reason !== undefined) this.metadata.set(reasonTrailer, reason)
  }
}

/**
 * Ends a stream with a status, after all that was written before. Destroying it would end it here and tell the peer nothing:
 * grpc-js makes the status of an error that is emitted.
 */
export function endWith<In, Out>(call: ServerDuplexStream<In, Out>, error: CallRefused): void {
  if (call.destroyed) return
  call.once('finish', () => call.destroy())
  call.emit('error', error)
}

/**
 * Hands on one message after the other; the next is read when the one before is done. Resolves when the peer has said its
 * last, or is gone and nothing is being handled any more. Unlike `for await` it leaves the stream open.
 */
export function eachMessage<In, Out>(
  call: ServerDuplexStream<In, Out>,
  handle: (message: In) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let handling = Promise.resolve()
    call.on('data', (message: In) => {
      call.pause()
      handling = handle(message).then(() => {
        call.resume()
      }, reject)
    })
    const done = (): void => {
      handling.then(resolve, reject)
    }
    call.once('end', done)
    call.once('close', done)
    if (call.destroyed) done()
  })
}

export function refusal(code: status, details: string, reason?: RefusalReason): CallRefused {
  return new CallRefused(code, details, reason)
}
