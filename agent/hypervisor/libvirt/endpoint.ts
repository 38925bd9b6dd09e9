import { connect } from 'node:net'
import type { Duplex } from 'node:stream'

import { errorCode } from '../../../common/error-code.js'
import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'

/** Where a libvirt daemon listens, and the way there. */
export interface Endpoint {
  /** Named in messages: a socket's path, or `libvirt of HOST over ssh`. */
  readonly name: string
  /** Whether the daemon lets those who come here only read. */
  readonly readOnly: boolean
  /** A new connection. @throws HypervisorDenied, HypervisorUnavailable */
  dial(): Promise<Duplex>
}

/** A unix socket of this machine. */
export function unixSocket(path: string): Endpoint {
  return {
    name: path,
    readOnly: path.endsWith('-ro'),
    dial: () =>
      new Promise((resolve, reject) => {
        const socket = connect(path)
        const refuse = (error: Error): void => reject(asOpenError(path, error))
        socket.once('error', refuse)
        socket.once('connect', () => {
          socket.off('error', refuse)
          resolve(socket)
        })
      }),
  }
}

export function asOpenError(path: string, error: Error): Error {
  const code = errorCode(error)
  if (code === 'EACCES' || code === 'EPERM') {
    const advice = path.endsWith('-ro')
      ? 'let this user search its directory'
      : `add this user to the group libvirt, or use the read-only socket ${path}-ro`
    return new HypervisorDenied(`may not open ${path}: ${advice}`, { cause: error })
  }
  if (code === 'ENOENT') return new HypervisorUnavailable(`there is no ${path}`, { cause: error })
  if (code === 'ECONNREFUSED') return new HypervisorUnavailable(`nothing listens on ${path}`, { cause: error })
  return new HypervisorUnavailable(`cannot connect to ${path}: ${error.message}`, { cause: error })
}
