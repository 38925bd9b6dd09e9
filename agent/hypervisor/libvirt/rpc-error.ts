import type { XdrReader } from './xdr.js'

/** Those of libvirt's error numbers (virErrorNumber in virterror.h) that mean something to us. */
export const errorCode = {
  noSupport: 3,
  operationFailed: 9,
  operationDenied: 29,
  /** Also: the daemon does not know the call. */
  rpc: 39,
  noDomain: 42,
  authFailed: 45,
  operationInvalid: 55,
  operationTimeout: 68,
  authCancelled: 79,
  authUnavailable: 80,
  accessDenied: 88,
  deviceMissing: 99,
} as const

/** libvirt answered with an error. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError'
  constructor(
    /** virErrorNumber. */
    readonly code: number,
    message: string,
  ) {
    super(message)
  }

  get denied(): boolean {
    return deniedCodes.has(this.code)
  }
}

const deniedCodes: ReadonlySet<number> = new Set([
  errorCode.operationDenied,
  errorCode.authFailed,
  errorCode.authCancelled,
  errorCode.authUnavailable,
  errorCode.accessDenied,
])

/** Reads what matters of virNetMessageError: its first three fields. */
export function readError(reader: XdrReader): LibvirtError {
  const code = reader.int()
  reader.int() // the part of libvirt that it comes from
  const message = reader.optional((inner) => inner.string())
  return new LibvirtError(code, message ?? `libvirt error ${code}`)
}

/**
 * We stopped waiting for a call. The daemon goes on with it, and it holds one of the few requests that a client may have open:
 * `late` tells when that ends.
 */
export class CallAbandoned extends Error {
  override readonly name = 'CallAbandoned'
  constructor(
    readonly why: 'timeout' | 'aborted',
    readonly late: Promise<LateEnd>,
    message: string,
  ) {
    super(message)
  }
}

export type LateEnd = 'answered' | 'failed' | 'lost'
