import path from 'node:path'

import type { VerbName } from '../../../common/verbs.js'
import {
  ActionRefused,
  HypervisorUnavailable,
  powerActions,
  type DefinitionControl,
  type DiskControl,
  type MigrationControl,
  type PowerAction,
  type SaveControl,
  type SizeControl,
  type TextControl,
  type VmControl,
  type VmNow,
} from '../hypervisor.js'
import type { RpcConnection } from './connection.js'
import { definitionControl } from './control-definitions.js'
import { migrationControl, type MigrationSettings } from './control-migration.js'
import type { ReceptionSite } from './reception.js'
import { diskControl } from './control-disks.js'
import { saveControl } from './control-saving.js'
import { sizeControl } from './control-sizes.js'
import { textControl } from './control-texts.js'
import type { DomainAccess } from './domain-access.js'
import { domainState } from './domain-state.js'
import { unixSocket, type Endpoint } from './endpoint.js'
import {
  compareCpu,
  getCapabilities,
  domainAct,
  domainGetAutostart,
  domainGetInfo,
  domainGetStateAndReason,
  domainLookupByUuid,
  domainSetAutostart,
  type DomainRef,
} from './procedures.js'
import { errorCode, LibvirtError } from './rpc-error.js'
import { controlCalls, openDriver, socketNames } from './session.js'
import { toNumber } from './xdr.js'

export interface ControlOptions {
  /** As for reading: the read-only one of a pair means the other one here. */
  readonly socket: string | undefined
  readonly runRoot: string
  readonly uri: string
  /** The only way to libvirt, in place of a socket of this machine. */
  readonly endpoint?: Endpoint | undefined
  /** Absent: its VMs do not move. */
  readonly migration?: (MigrationSettings & Pick<ReceptionSite, 'hasPath' | 'hasBridge'>) | undefined
}

const noMoves: MigrationSettings = { to: [], uri: '', encrypted: true }
const noSite: Pick<ReceptionSite, 'hasPath' | 'hasBridge'> = {
  hasPath: () => Promise.resolve(false),
  hasBridge: () => Promise.resolve(false),
}

/** The caller's signal ends it earlier. */
const actDeadlineMs = 600_000

/**
 * Acts on domains, over connections of its own that are opened when a command comes: the one for reading stays one that could do nothing.
 * Each act has its own, so that one that hangs keeps nobody from looking.
 */
export class LibvirtControl implements VmControl {
  readonly verbs: ReadonlySet<VerbName> = new Set([
    ...powerActions,
    'autostart',
    'limit',
    'unlimit',
    'memory',
    'vcpus',
    'memory-statistics',
    'save',
    'restore',
    'undefine',
    'dumpxml',
    'console',
    // A move that has begun is brought to its end, whatever its configuration says now.
    'arrive',
    'discard',
  ] as const)
  readonly disks: DiskControl
  readonly sizes: SizeControl
  readonly saving: SaveControl
  readonly texts: TextControl
  readonly definitions: DefinitionControl
  readonly migration: MigrationControl
  /** For looking. */
  #connection: RpcConnection | undefined
  readonly #acting = new Set<RpcConnection>()
  #opening: Promise<RpcConnection> | undefined
  #isClosed = false

  constructor(private readonly options: ControlOptions) {
    const access: DomainAccess = {
      read: (vmUuid, signal, work) => this.#read(vmUuid, signal, work),
      act: (vmUuid, undoes, signal, work) => this.#act(vmUuid, undoes, signal, work),
    }
    this.disks = diskControl(access)
    this.sizes = sizeControl(access)
    this.saving = saveControl(access)
    this.texts = textControl(access)
    this.definitions = definitionControl(access)
    const { migration } = options
    this.migration = migrationControl(access, migration ?? noMoves, {
      ...(migration ?? noSite),
      capabilities: async () => getCapabilities(await this.#connected()),
      canRunCpu: async (xml, signal) => (await compareCpu(await this.#connected(), xml, { signal })) !== 0,
    })
    if (migration !== undefined) this.verbs = new Set([...this.verbs, 'migrate', 'offer', 'receive'])
  }

  async look(vmUuid: string, signal: AbortSignal): Promise<VmNow | undefined> {
    const connection = await this.#connected()
    try {
      const domain = await domainLookupByUuid(connection, vmUuid, { signal })
      const [{ state, reason }, autostart] = await Promise.all([
        domainGetStateAndReason(connection, domain, { signal }),
        domainGetAutostart(connection, domain, { signal }),
      ])
      const now = domainState(state, reason)
      return {
        uuid: domain.uuid,
        name: domain.name,
        state: now.state,
        stateReason: now.reason,
        runId: domain.id < 0 ? '' : String(domain.id),
        autostart,
      }
    } catch (error) {
      if (error instanceof LibvirtError && error.code === errorCode.noDomain) return undefined
      throw error
    }
  }

  power(vmUuid: string, action: PowerAction, signal: AbortSignal): Promise<void> {
    return this.#act(vmUuid, action === 'start', signal, async (connection, domain) => {
      try {
        await domainAct(connection, domain, action, { signal, deadlineMs: actDeadlineMs })
      } catch (error) {
        throw isUnsure(action, error) ? new Error(error.message, { cause: error }) : error
      }
    })
  }

  /** What it has now, as the hypervisor counts it. */
  memoryBytes(vmUuid: string, signal: AbortSignal): Promise<number> {
    return this.#read(vmUuid, signal, async (connection, domain) => {
      return toNumber((await domainGetInfo(connection, domain, { signal })).memoryKib) * 1024
    })
  }

  setAutostart(vmUuid: string, enabled: boolean, signal: AbortSignal): Promise<void> {
    return this.#act(vmUuid, true, signal, (connection, domain) =>
      domainSetAutostart(connection, domain, enabled, { signal }),
    )
  }

  close(): void {
    this.#isClosed = true
    this.#connection?.close()
    for (const connection of this.#acting) connection.close()
  }

  /** A call that changes nothing. */
  async #read<Result>(
    vmUuid: string,
    signal: AbortSignal,
    work: (connection: RpcConnection, domain: DomainRef) => Promise<Result>,
  ): Promise<Result> {
    try {
      const connection = await this.#connected()
      return await work(connection, await domainLookupByUuid(connection, vmUuid, { signal }))
    } catch (error) {
      throw error instanceof LibvirtError ? new ActionRefused(error.message, { cause: error }) : error
    }
  }

  /** @param undoes whether libvirt leaves nothing behind when it fails, whatever it failed with */
  async #act(
    vmUuid: string,
    undoes: boolean,
    signal: AbortSignal,
    work: (connection: RpcConnection, domain: DomainRef) => Promise<void>,
  ): Promise<void> {
    const connection = await this.#dial()
    this.#acting.add(connection)
    try {
      const domain = await domainLookupByUuid(connection, vmUuid, { signal }).catch((error: unknown) => {
        throw error instanceof LibvirtError ? new ActionRefused(error.message, { cause: error }) : error
      })
      await work(connection, domain)
    } catch (error) {
      const isRefusal = error instanceof LibvirtError && (undoes || error.denied || refusals.has(error.code))
      throw isRefusal ? new ActionRefused(error.message, { cause: error }) : error
    } finally {
      this.#acting.delete(connection)
      connection.close()
    }
  }

  async #connected(): Promise<RpcConnection> {
    if (this.#connection?.open === true && !this.#connection.isClogged) return this.#connection
    this.#connection?.close()
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(): Promise<RpcConnection> {
    this.#connection = await this.#dial()
    return this.#connection
  }

  async #dial(): Promise<RpcConnection> {
    if (this.#isClosed) throw new HypervisorUnavailable('closed')
    const { uri } = this.options
    const failures: unknown[] = []
    for (const endpoint of this.#endpoints()) {
      try {
        const connection = await openDriver({ endpoint, uri, maxInFlight: controlCalls, access: 'write' })
        if (this.#isClosed) connection.close()
        return connection
      } catch (error) {
        failures.push(error)
      }
    }
    const told = failures.map((error) => (error instanceof Error ? error.message : String(error))).join('; ')
    throw new HypervisorUnavailable(`libvirt lets this agent not act: ${told}`, { cause: failures[0] })
  }

  #endpoints(): readonly Endpoint[] {
    const { socket, runRoot, uri, endpoint } = this.options
    if (endpoint !== undefined) return [endpoint]
    if (socket !== undefined) return [unixSocket(socket.replace(/-ro$/, ''))]
    return socketNames(uri)
      .filter((name) => !name.endsWith('-ro'))
      .map((name) => unixSocket(path.join(runRoot, name)))
  }
}

/** libvirt kills the process first, and waits for its turn after that. */
export function isUnsure(action: PowerAction, error: unknown): error is LibvirtError {
  return action === 'destroy' && error instanceof LibvirtError && error.code === errorCode.operationTimeout
}

/** libvirt says these before it does anything. */
const refusals: ReadonlySet<number> = new Set([
  errorCode.noSupport,
  errorCode.noDomain,
  errorCode.operationInvalid,
  // It did not get at the VM in time.
  errorCode.operationTimeout,
  errorCode.rpc,
])
