import path from 'node:path'

import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import { RpcConnection } from './connection.js'
import { unixSocket, type Endpoint } from './endpoint.js'
import { lineCount, MonitorLines } from './monitor-lines.js'
import { authList, authPolkit, authType, feature, openUri, supportsFeature } from './procedures.js'
import { LibvirtError } from './rpc-error.js'
import type { XdrReader } from './xdr.js'

/** An opened driver: one connection for calls that libvirtd answers by itself, and lines for those that a VM has to answer. */
export interface Session {
  /** Where it was opened: see `Endpoint.name`. */
  readonly socket: string
  readonly control: RpcConnection
  readonly lines: MonitorLines
  close(): void
}

export interface SessionOptions {
  /** The only way to try; if absent, `socket`. */
  readonly endpoint?: Endpoint
  /** The only socket to try; if absent, those that libvirt's daemons have in `runRoot`. */
  readonly socket?: string
  readonly runRoot: string
  readonly uri: string
  readonly onMessage: (procedure: number, payload: XdrReader) => void
}

/** Read-only ones first, the modular daemon's before the one that may only pass calls on to it. */
export function socketNames(uri: string): readonly string[] {
  const modular = uri.startsWith('xen:') ? 'virtxend-sock' : 'virtqemud-sock'
  return [`${modular}-ro`, 'libvirt-sock-ro', modular, 'libvirt-sock']
}

/** One less than a client may have open, so that a person's `virsh` through the same daemon is never what waits. */
export const controlCalls = 4

/** @throws HypervisorDenied, HypervisorUnavailable */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { uri } = options
  const { control, endpoint } = await openFirst(options)
  const lines = new MonitorLines({ open: () => openDriver({ endpoint, uri, maxInFlight: lineCount }) })
  return {
    socket: endpoint.name,
    control,
    lines,
    close: () => {
      lines.close()
      control.close()
    },
  }
}

async function openFirst(options: SessionOptions): Promise<{ control: RpcConnection; endpoint: Endpoint }> {
  const { uri, onMessage } = options
  const failures: Error[] = []
  for (const endpoint of endpointsOf(options)) {
    try {
      return { control: await openDriver({ endpoint, uri, maxInFlight: controlCalls, onMessage }), endpoint }
    } catch (error) {
      failures.push(error instanceof Error ? error : new Error(String(error)))
    }
  }
  const denied = failures.find((failure) => failure instanceof HypervisorDenied)
  const told = failures.map(({ message }) => message).join('; ')
  throw denied ?? new HypervisorUnavailable(`no libvirt answers: ${told}`, { cause: failures[0] })
}

function endpointsOf({ endpoint, socket, runRoot, uri }: SessionOptions): readonly Endpoint[] {
  if (endpoint !== undefined) return [endpoint]
  if (socket !== undefined) return [unixSocket(socket)]
  return socketNames(uri).map((name) => unixSocket(path.join(runRoot, name)))
}

interface DriverOptions {
  readonly endpoint: Endpoint
  readonly uri: string
  readonly maxInFlight: number
  /** For reading only if absent. */
  readonly access?: 'read' | 'write'
  readonly onMessage?: SessionOptions['onMessage']
}

/** @throws HypervisorDenied, HypervisorUnavailable */
export async function openDriver({
  endpoint,
  uri,
  access = 'read',
  ...options
}: DriverOptions): Promise<RpcConnection> {
  const connection = await RpcConnection.connect({ endpoint, ...options })
  const { name } = endpoint
  try {
    await authenticate(connection, endpoint)
    // Only a client that knows keep-alive messages is sent any.
    await supportsFeature(connection, feature.keepAlive)
    await openUri(connection, uri, access)
    return connection
  } catch (error) {
    connection.close()
    if (error instanceof HypervisorDenied || error instanceof HypervisorUnavailable) throw error
    const said = error instanceof Error ? error.message : String(error)
    if (error instanceof LibvirtError && error.denied) {
      throw new HypervisorDenied(`libvirt refuses ${uri} on ${name}: ${said}`, { cause: error })
    }
    throw new HypervisorUnavailable(`cannot open ${uri} on ${name}: ${said}`, { cause: error })
  }
}

async function authenticate(connection: RpcConnection, { name, readOnly }: Endpoint): Promise<void> {
  const offered = await authList(connection)
  if (offered.length === 0 || offered.includes(authType.none)) return
  if (!offered.includes(authType.polkit)) {
    throw new HypervisorDenied(
      `${name} asks for a password (SASL), which is not supported: set auth_unix_ro = "none" in libvirtd.conf`,
    )
  }
  try {
    await authPolkit(connection)
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    const right = readOnly ? 'org.libvirt.unix.monitor' : 'org.libvirt.unix.manage'
    const advice = readOnly
      ? `grant this user ${right} in a polkit rule`
      : `add this user to the group libvirt, grant it ${right} in a polkit rule, or use the read-only socket ${name}-ro`
    throw new HypervisorDenied(`polkit protects ${name} and refuses (${said}): ${advice}`, { cause: error })
  }
}
