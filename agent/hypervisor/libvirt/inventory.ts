import type { Log } from '../../../common/log.js'
import type { DiskSource, ResolvedArray } from '../../storage/disk-source.js'
import type { ArrayFacts, DiskFacts, HostFacts, Inventory, VmFacts } from '../hypervisor.js'
import { parseCapabilities } from './capabilities-xml.js'
import { vmFactsOf, type KnownDomain } from './definition-cache.js'
import type { DiskDefinition } from './domain-xml.js'
import { withMonitor } from './monitor-access.js'
import {
  domainGetBlockInfo,
  domainGetInfo,
  getCapabilities,
  getLibVersion,
  getType,
  getVersion,
  listAllDomains,
  nodeGetInfo,
  type BlockInfo,
  type DomainRef,
} from './procedures.js'
import type { ReaderMemory } from './reader-memory.js'
import { errorCode, LibvirtError } from './rpc-error.js'
import type { Session } from './session.js'
import { toNumber } from './xdr.js'

/** Finds the array that a disk lies on. */
export type ResolveArray = (source: DiskSource) => Promise<ResolvedArray>

export interface InventoryOptions {
  readonly hostName: string
  readonly memory: ReaderMemory
  readonly resolveArray: ResolveArray
  readonly vmDeadlineMs: number
  readonly log: Log
}

/** Sizes of disks change seldom, and asking for them costs the VM a monitor call for each disk. */
const sizesMaxAgeMs = 300_000
const listDeadlineMs = 10_000

interface Sizes {
  readonly known: KnownDomain
  readonly atMs: number
  readonly byTarget: ReadonlyMap<string, BlockInfo>
}

/** Puts together what changes seldom: the host, its VMs with their disks, and the arrays that these lie on. */
export class InventoryReader {
  readonly #options: InventoryOptions
  readonly #sizes = new Map<string, Sizes>()

  constructor(options: InventoryOptions) {
    this.#options = options
  }

  /** @throws HypervisorUnavailable, LibvirtError, CallAbandoned if the host or the list of VMs cannot be read */
  async read(session: Session, signal: AbortSignal): Promise<Inventory> {
    const [host, domains] = await Promise.all([
      this.#host(session),
      listAllDomains(session.control, { deadlineMs: listDeadlineMs, signal }),
    ])
    const uuids = new Set(domains.map(({ uuid }) => uuid))
    for (const uuid of this.#sizes.keys()) if (!uuids.has(uuid)) this.#sizes.delete(uuid)
    const arrays = new Map<string, ArrayFacts>()
    const vms = await Promise.all(domains.map((domain) => this.#vm(session, domain, arrays, signal)))
    return { host, vms: vms.filter((vm) => vm !== undefined), arrays: [...arrays.values()] }
  }

  async #host(session: Session): Promise<HostFacts> {
    const { control } = session
    const [type, version, library, node, capabilitiesXml] = await Promise.all([
      getType(control),
      getVersion(control),
      getLibVersion(control),
      nodeGetInfo(control),
      getCapabilities(control),
    ])
    const { cpuModel } = parseCapabilities(capabilitiesXml)
    return {
      name: this.#options.hostName,
      hypervisorVersion: `${type} ${version}`,
      managementVersion: `libvirt ${library}`,
      ...(cpuModel === undefined ? {} : { cpuModel }),
      cpuCores: node.numaNodes * node.sockets * node.cores,
      cpuThreads: node.cpus,
      cpuMhz: node.mhz,
      memoryBytes: toNumber(node.memoryKib) * 1024,
      numaNodes: node.numaNodes,
    }
  }

  async #vm(
    session: Session,
    domain: DomainRef,
    arrays: Map<string, ArrayFacts>,
    signal: AbortSignal,
  ): Promise<VmFacts | undefined> {
    const { memory, log } = this.#options
    let known: KnownDomain | undefined
    try {
      known = await memory.definitions.get(session.control, domain, memory.now())
    } catch (error) {
      log.warn({ vm: domain.name, err: error }, 'definition of a VM cannot be read')
      return bareFacts(session, domain)
    }
    if (known === undefined) return undefined
    const { definition } = known
    const sizes = await this.#sizesOf(session, domain, known, signal)
    const disks = await Promise.all(definition.disks.map((disk) => this.#disk(disk, sizes.get(disk.target), arrays)))
    return vmFactsOf(domain.uuid, known, disks)
  }

  async #disk(disk: DiskDefinition, size: BlockInfo | undefined, arrays: Map<string, ArrayFacts>): Promise<DiskFacts> {
    const { format, cache, bus, serial } = disk
    const resolved = disk.source === undefined ? undefined : await this.#options.resolveArray(disk.source)
    if (resolved?.array !== undefined) arrays.set(resolved.array.key, resolved.array)
    return {
      target: disk.target,
      source: disk.source?.source ?? '',
      backend: resolved?.backend ?? 'other',
      arrayKey: resolved?.key ?? '',
      readOnly: disk.readOnly,
      removable: disk.removable,
      ...(resolved?.unit === undefined ? {} : { unit: resolved.unit }),
      ...(size === undefined
        ? {}
        : { capacityBytes: toNumber(size.capacityBytes), allocationBytes: toNumber(size.allocationBytes) }),
      ...(format === undefined ? {} : { format }),
      ...(cache === undefined ? {} : { cache }),
      ...(bus === undefined ? {} : { bus }),
      ...(serial === undefined ? {} : { serial }),
    }
  }

  /** Sizes of the VM's disks by target; the last known ones while the VM does not answer. */
  async #sizesOf(
    session: Session,
    domain: DomainRef,
    known: KnownDomain,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, BlockInfo>> {
    const { memory, vmDeadlineMs, log } = this.#options
    const before = this.#sizes.get(domain.uuid)
    if (before?.known === known && memory.now() - before.atMs < sizesMaxAgeMs) return before.byTarget
    const byTarget = new Map<string, BlockInfo>()
    const request = { session, domain, deadlineMs: vmDeadlineMs, skipIfBusy: false, signal }
    const outcome = await withMonitor(memory, request, async (caller) => {
      for (const { target, source } of known.definition.disks) {
        if (source === undefined) continue
        try {
          byTarget.set(target, await domainGetBlockInfo(caller, domain, target))
        } catch (error) {
          if (!(error instanceof LibvirtError) || error.code === errorCode.operationTimeout) throw error
          log.debug({ vm: domain.name, disk: target, err: error }, 'size of a disk is unknown')
        }
      }
    })
    if (outcome.status !== 'done') return before?.byTarget ?? byTarget
    this.#sizes.set(domain.uuid, { known, atMs: memory.now(), byTarget })
    return byTarget
  }
}

/** A VM whose definition cannot be read still takes up memory: its size is needed. */
async function bareFacts(session: Session, domain: DomainRef): Promise<VmFacts | undefined> {
  try {
    const info = await domainGetInfo(session.control, domain)
    const memoryMaxBytes = toNumber(info.maxMemoryKib) * 1024
    return { uuid: domain.uuid, name: domain.name, vcpus: info.vcpus, memoryMaxBytes, disks: [], nics: [] }
  } catch (error) {
    if (error instanceof LibvirtError && error.code === errorCode.noDomain) return undefined
    throw error
  }
}
