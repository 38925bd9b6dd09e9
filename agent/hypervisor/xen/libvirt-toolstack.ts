import type { Log } from '../../../common/log.js'
import type { MachineFiles } from '../../host/machine-files.js'
import { readAttribute } from '../../storage/disk-identity.js'
import { HypervisorUnavailable, type Capability, type HypervisorEvent } from '../hypervisor.js'
import { parseCapabilities } from '../libvirt/capabilities-xml.js'
import type { Caller } from '../libvirt/connection.js'
import { domainState } from '../libvirt/domain-state.js'
import { EventSource } from '../libvirt/event-source.js'
import { judgeFailure } from '../libvirt/monitor-access.js'
import {
  domainGetInfo,
  getCapabilities,
  getLibVersion,
  getType,
  getVersion,
  nodeGetFreeMemory,
  nodeGetInfo,
  type DomainRef,
} from '../libvirt/procedures.js'
import { forgetAllBut, runKey, type ReaderMemory } from '../libvirt/reader-memory.js'
import { CallAbandoned, errorCode, LibvirtError } from '../libvirt/rpc-error.js'
import { SessionKeeper } from '../libvirt/session-keeper.js'
import type { SessionOptions } from '../libvirt/session.js'
import { infoRaw } from '../libvirt/to-raw.js'
import { toNumber } from '../libvirt/xdr.js'
import { asListed, askStates, listDomains } from './libvirt-domains.js'
import { StateReasons } from './state-reasons.js'
import type { DefinedVm, DomainFigures, DomainList, Missed, SeenState, Toolstack, ToolstackHost } from './toolstack.js'

export interface LibvirtToolstackOptions {
  readonly session: Omit<SessionOptions, 'onMessage'>
  readonly memory: ReaderMemory
  readonly sysRoot: string
  /** For the call to one VM. */
  readonly vmDeadlineMs: number
  readonly onEvent: (event: HypervisorEvent) => void
  readonly now: () => number
  readonly log: Log
}

const listDeadlineMs = 5000

/** libvirt's libxl driver: no bulk statistics, so a call for each VM; events. */
export class LibvirtToolstack implements Toolstack {
  readonly name = 'libvirt'
  readonly #options: LibvirtToolstackOptions
  readonly #reasons = new StateReasons()
  readonly #events: EventSource
  readonly #keeper: SessionKeeper

  constructor(options: LibvirtToolstackOptions) {
    this.#options = options
    const { session, memory, onEvent, now, log } = options
    this.#events = new EventSource({
      now,
      log,
      onEvent: (event) => {
        this.#reasons.happened(event)
        onEvent(event)
      },
      onChange: (uuid) => memory.definitions.invalidate(uuid),
      list: async (caller) => {
        const states = await askStates(caller)
        for (const state of states) this.#reasons.learn(state)
        return states
      },
    })
    const onLost = (): void => memory.definitions.invalidateAll()
    this.#keeper = new SessionKeeper({ session, events: this.#events, onLost, onEvent, now, log })
  }

  async start(): Promise<ToolstackHost> {
    let host: ToolstackHost | undefined
    try {
      await this.#keeper.start(async ({ control }) => {
        host = await this.#readHost(control)
      })
    } catch (error) {
      throw isTooOld(error) ? new HypervisorUnavailable(adviceFor(error), { cause: error }) : error
    }
    if (host === undefined) throw new HypervisorUnavailable(this.#keeper.away)
    return host
  }

  connection(): object {
    return this.#keeper.connected()
  }

  host(): Promise<ToolstackHost> {
    return this.#readHost(this.#keeper.connected().control)
  }

  async list(signal: AbortSignal): Promise<DomainList> {
    const { control } = this.#keeper.connected()
    const { dom0, guests } = await listDomains(control, { deadlineMs: listDeadlineMs, signal })
    forgetAllBut(this.#options.memory, dom0 === undefined ? guests : [dom0, ...guests])
    this.#reasons.keepOnly(new Set(guests.map(({ uuid }) => uuid)))
    return { dom0, guests, others: [], figures: (domain, ended) => this.#figures(control, domain, ended) }
  }

  seen(states: readonly SeenState[]): void {
    this.#events.observe(states.map(asListed))
  }

  async definitions(signal: AbortSignal): Promise<readonly DefinedVm[]> {
    const { control } = this.#keeper.connected()
    const { guests } = await listDomains(control, { deadlineMs: listDeadlineMs, signal })
    const defined = await Promise.all(guests.map((domain) => this.#defined(control, domain)))
    return defined.filter((vm) => vm !== undefined)
  }

  async freeBytes(signal: AbortSignal): Promise<number | Missed> {
    try {
      const { control } = this.#keeper.connected()
      return toNumber(await nodeGetFreeMemory(control, { deadlineMs: listDeadlineMs, signal }))
    } catch (error) {
      if (error instanceof CallAbandoned && error.why === 'aborted') throw error
      const reason = error instanceof CallAbandoned ? 'timeout' : 'failed'
      return { reason, message: error instanceof Error ? error.message : String(error) }
    }
  }

  capabilities(): readonly Capability[] {
    return [
      this.#keeper.session?.hasEvents === false
        ? { name: 'events', support: 'no', reason: 'libvirt refused to send events' }
        : { name: 'events', support: 'yes' },
      { name: 'cpu', support: 'yes' },
      { name: 'memory-size', support: 'yes' },
      { name: 'host-memory', support: 'yes' },
    ]
  }

  close(): Promise<void> {
    return this.#keeper.close()
  }

  #readHost(caller: Caller): Promise<ToolstackHost> {
    const { memory, sysRoot } = this.#options
    return readHost(caller, memory.files, sysRoot)
  }

  /** CPU time, sizes and state: one call, which libvirt answers without asking the guest. */
  async #figures(caller: Caller, domain: DomainRef, signal: AbortSignal): Promise<DomainFigures | 'gone' | Missed> {
    const { uuid, id } = domain
    if (id < 0) return { state: 'shutoff', stateReason: this.#reasons.reason(uuid, 'shutoff') }
    const { memory, vmDeadlineMs } = this.#options
    const key = runKey(domain)
    if (memory.infoQuarantine.permission(key, memory.now()) !== 'yes') {
      return { reason: 'quarantined', message: 'libvirt did not answer for it' }
    }
    try {
      const info = await domainGetInfo(caller, domain, { deadlineMs: vmDeadlineMs, signal })
      memory.infoQuarantine.answered(key)
      const { state } = domainState(info.state, 0)
      const { cpu, size } = infoRaw(info)
      return { state, stateReason: this.#reasons.reason(uuid, state), ...cpu, ...size }
    } catch (error) {
      if (error instanceof LibvirtError && error.code === errorCode.noDomain) return 'gone'
      return judgeFailure(memory, domain, memory.infoQuarantine, error)
    }
  }

  /** A VM whose definition cannot be read still takes up memory: its size is needed. */
  async #defined(caller: Caller, domain: DomainRef): Promise<DefinedVm | undefined> {
    const { memory, log } = this.#options
    try {
      const known = await memory.definitions.get(caller, domain, memory.now())
      return known === undefined ? undefined : { domain, ...known }
    } catch (error) {
      log.warn({ vm: domain.name, err: error }, 'definition of a VM cannot be read')
    }
    try {
      const { cpu, size } = infoRaw(await domainGetInfo(caller, domain))
      const { name, uuid } = domain
      const nothing = { osType: undefined, disks: [], nics: [], metadata: undefined }
      const { vcpus = 1 } = cpu
      const { memoryMaxBytes = 0 } = size
      return { domain, definition: { ...nothing, name, uuid, vcpus, memoryMaxBytes } }
    } catch (error) {
      if (error instanceof LibvirtError && error.code === errorCode.noDomain) return undefined
      throw error
    }
  }
}

async function readHost(caller: Caller, files: MachineFiles, sysRoot: string): Promise<ToolstackHost> {
  const [type, version, library, node, capabilitiesXml, exact] = await Promise.all([
    getType(caller),
    getVersion(caller),
    getLibVersion(caller),
    nodeGetInfo(caller),
    getCapabilities(caller),
    readXenVersion(files, sysRoot),
  ])
  const { cpuModel, uuid } = parseCapabilities(capabilitiesXml)
  return {
    uuid,
    hypervisorVersion: `${type} ${exact ?? version}`,
    managementVersion: `libvirt ${library}`,
    ...(cpuModel === undefined ? {} : { cpuModel }),
    cpuCores: node.numaNodes * node.sockets * node.cores,
    cpuThreads: node.cpus,
    cpuMhz: node.mhz,
    memoryBytes: toNumber(node.memoryKib) * 1024,
    numaNodes: node.numaNodes,
  }
}

/** `4.17.7` as the hypervisor says it; libvirt leaves the last part out, on which live migration may depend. */
export async function readXenVersion(files: MachineFiles, sysRoot: string): Promise<string | undefined> {
  const part = async (name: string): Promise<string> =>
    (await readAttribute(files, `${sysRoot}/hypervisor/version`, name))?.trim() ?? ''
  const version = `${await part('major')}.${await part('minor')}${await part('extra')}`
  return /^\d{1,4}\.\d{1,4}[\w.~+-]{0,32}$/.test(version) ? version : undefined
}

/** A call that is needed came to libvirt later than this one. */
function isTooOld(error: unknown): error is LibvirtError {
  return error instanceof LibvirtError && (error.code === errorCode.noSupport || error.code === errorCode.rpc)
}

function adviceFor({ message }: LibvirtError): string {
  return `libvirt on this host does not know a call that is needed (${message}): it is too old; use kind: xen-tools`
}
