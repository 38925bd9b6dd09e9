import type { status } from '@grpc/grpc-js'

/** Ends a call with a gRPC status; `details` is what the peer is told. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused'
  constructor(
    readonly code: status,
    readonly details: string,
  ) {
    super(details)
  }
}

export function refusal(code: status, details: string): CallRefused {
  return new CallRefused(code, details)
}
