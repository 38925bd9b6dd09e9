import { status } from '@grpc/grpc-js'

import { propertyOf } from '../../common/property-of.js'
import { isRefusalReason, reasonTrailer, type RefusalReason } from '../../common/refusal-reasons.js'

/** How a call to the controller ended. */
export interface CallEnd {
  /** gRPC status; undefined if the controller ended it in good order or the fault is ours. */
  readonly code: status | undefined
  /** The controller's word for it; older ones, and networks, give none. */
  readonly reason: RefusalReason | undefined
  readonly message: string
}

/** What an agent does about it. */
export type Step =
  /** Connect again after the usual wait: networks and controllers come and go. */
  | { readonly kind: 'usual' }
  /** The certificate has expired, by the controller's clock: renew it. */
  | { readonly kind: 'renew' }
  /** No connection at all: it may be TLS, and then it is worth finding out why. */
  | { readonly kind: 'look' }
  /** Trying again changes nothing before a person acts: say so and wait long. */
  | { readonly kind: 'hold'; readonly problem: string }

const joinAnew =
  "join it anew: on the controller 'headroom agent join-token' prints a command; run it here with --replace"

export function stepAfter({ code, reason, message }: CallEnd): Step {
  switch (reason) {
    case 'agent-revoked':
      return hold(`this agent was revoked by the controller; ${joinAnew}`)
    case 'certificate-expired-long-ago':
      // Its host is its own still: no other agent can have it, not even this one by another name.
      return hold(`the controller refuses this agent: ${message}; revoke it there, then ${joinAnew}`)
    case 'agent-unknown':
    case 'other-authority':
    case 'no-certificate':
      return hold(`the controller refuses this agent: ${message}; ${joinAnew}`)
    case 'certificate-not-yet-valid':
      return hold(`the controller refuses this agent: ${message}; one of the two clocks is wrong`)
    case 'newer-session':
      return hold('another agent with the same identity is connected: was this machine, or its data directory, copied?')
    case 'certificate-expired':
      return { kind: 'renew' }
    case 'grants-changed':
      return { kind: 'usual' }
    case 'unknown-token':
    case 'expired-token':
    case 'too-many-tokens':
    case 'host-not-in-token':
    case 'host-taken':
    case 'bad-request':
      return hold(`the controller refuses this agent: ${message}`)
    case undefined:
      if (code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED) {
        return hold(`the controller refuses this agent: ${message}; ${joinAnew}`)
      }
      return { kind: code === status.UNAVAILABLE ? 'look' : 'usual' }
  }
}

function hold(problem: string): Step {
  return { kind: 'hold', problem }
}

/** Of what grpc-js rejects or emits with. */
export function callEndOf(error: unknown): CallEnd {
  const code = propertyOf(error, 'code')
  const reason = trailerOf(propertyOf(error, 'metadata'))
  const details = propertyOf(error, 'details')
  return {
    code: isStatus(code) ? code : undefined,
    reason: isRefusalReason(reason) ? reason : undefined,
    message: typeof details === 'string' && details !== '' ? details : String(propertyOf(error, 'message') ?? error),
  }
}

function isStatus(code: unknown): code is status {
  return typeof code === 'number' && code in status
}

function trailerOf(metadata: unknown): unknown {
  const get = propertyOf(metadata, 'get')
  const values: unknown = typeof get === 'function' ? Reflect.apply(get, metadata, [reasonTrailer]) : undefined
  return Array.isArray(values) ? values[0] : undefined
}
