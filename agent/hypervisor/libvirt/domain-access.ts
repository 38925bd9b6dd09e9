import type { RpcConnection } from './connection.js'
import type { DomainRef } from './procedures.js'

type Work<Result> = (connection: RpcConnection, domain: DomainRef) => Promise<Result>

/** How the parts of the control reach a domain: over the control's own connection. */
export interface DomainAccess {
  /** A call that changes nothing. @throws ActionRefused with what libvirt says against it */
  readonly read: <Result>(vmUuid: string, signal: AbortSignal, work: Work<Result>) => Promise<Result>
  /**
   * @param undoes whether libvirt leaves nothing behind when it fails, whatever it failed with
   * @throws ActionRefused if nothing was done
   */
  readonly act: (vmUuid: string, undoes: boolean, signal: AbortSignal, work: Work<void>) => Promise<void>
}
