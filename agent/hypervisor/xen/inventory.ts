import type { Log } from '../../../common/log.js'
import type { MachineFiles } from '../../host/machine-files.js'
import { readAttribute } from '../../storage/disk-identity.js'
import type { DiskSource } from '../../storage/disk-source.js'
import { mergeArrays } from '../../storage/merge-arrays.js'
import type { ArrayFacts, DiskFacts, HostFacts, Inventory, VmFacts } from '../hypervisor.js'
import { parseCapabilities } from '../libvirt/capabilities-xml.js'
import type { Caller } from '../libvirt/connection.js'
import { vmFactsOf, type KnownDomain } from '../libvirt/definition-cache.js'
import type { DiskDefinition } from '../libvirt/domain-xml.js'
import type { ResolveArray } from '../libvirt/inventory.js'
import {
  domainGetInfo,
  getCapabilities,
  getLibVersion,
  getType,
  getVersion,
  nodeGetInfo,
  type DomainRef,
} from '../libvirt/procedures.js'
import type { ReaderMemory } from '../libvirt/reader-memory.js'
import { errorCode, LibvirtError } from '../libvirt/rpc-error.js'
import type { Session } from '../libvirt/session.js'
import { toNumber } from '../libvirt/xdr.js'
import type { BackendDevices, BackendDisk } from './backend-devices.js'
import { listDomains } from './domains.js'

export interface XenInventoryOptions {
  readonly files: MachineFiles
  readonly hostName: string
  readonly sysRoot: string
  readonly memory: ReaderMemory
  readonly backends: BackendDevices
  readonly resolveArray: ResolveArray
  readonly log: Log
}

const listDeadlineMs = 10_000
const sectorBytes = 512

/** Puts together what changes seldom: the host, its VMs with their disks, and the arrays that these lie on. */
export class XenInventoryReader {
  readonly #options: XenInventoryOptions

  constructor(options: XenInventoryOptions) {
    this.#options = options
  }

  /** @throws HypervisorUnavailable, LibvirtError, CallAbandoned if the host or the list of VMs cannot be read */
  async read({ control }: Session, signal: AbortSignal): Promise<Inventory> {
    const { files, hostName, sysRoot } = this.#options
    const [host, { guests }] = await Promise.all([
      readHost(control, hostName, { files, sysRoot }),
      listDomains(control, { deadlineMs: listDeadlineMs, signal }),
    ])
    const served = this.#servedDisks()
    const arrays: ArrayFacts[] = []
    const vms = await Promise.all(guests.map((domain) => this.#vm(control, domain, served(domain.id), arrays)))
    return { host, vms: vms.filter((vm) => vm !== undefined), arrays: mergeArrays(arrays) }
  }

  async #vm(
    caller: Caller,
    domain: DomainRef,
    served: readonly BackendDisk[],
    arrays: ArrayFacts[],
  ): Promise<VmFacts | undefined> {
    const { memory, log } = this.#options
    let known: KnownDomain | undefined
    try {
      known = await memory.definitions.get(caller, domain, memory.now())
    } catch (error) {
      log.warn({ vm: domain.name, err: error }, 'definition of a VM cannot be read')
      return bareFacts(caller, domain)
    }
    if (known === undefined) return undefined
    const { definition } = known
    const disks = await Promise.all(
      definition.disks.map((disk) => {
        const backend = served.find(({ target }) => target === disk.target)
        return this.#disk(disk, backend, arrays)
      }),
    )
    return vmFactsOf(domain.uuid, known, disks)
  }

  /**
   * What dom0 really serves goes before what the definition names: a path may mean another device by now, and a disk may have
   * come to the VM without libvirt.
   */
  async #disk(disk: DiskDefinition, backend: BackendDisk | undefined, arrays: ArrayFacts[]): Promise<DiskFacts> {
    const { backends, resolveArray } = this.#options
    const { format, cache, bus, serial, source } = disk
    const deviceNumber = backend === undefined ? undefined : backends.physicalDevice(backend)
    const resolved = source === undefined ? undefined : await resolveArray(asServed(source, deviceNumber))
    if (resolved?.array !== undefined) arrays.push(resolved.array)
    const capacityBytes = deviceNumber === undefined ? undefined : await this.#sizeOf(deviceNumber)
    return {
      target: disk.target,
      source: source?.source ?? '',
      backend: resolved?.backend ?? 'other',
      arrayKey: resolved?.key ?? '',
      readOnly: (backend === undefined ? undefined : backends.readOnly(backend)) ?? disk.readOnly,
      removable: disk.removable,
      ...(resolved?.unit === undefined ? {} : { unit: resolved.unit }),
      ...(capacityBytes === undefined ? {} : { capacityBytes }),
      ...(format === undefined ? {} : { format }),
      ...(cache === undefined ? {} : { cache }),
      ...(bus === undefined ? {} : { bus }),
      ...(serial === undefined ? {} : { serial }),
    }
  }

  /** libxl does not tell the size of a disk; its device does. */
  async #sizeOf(deviceNumber: string): Promise<number | undefined> {
    const { files, sysRoot } = this.#options
    const text = await readAttribute(files, `${sysRoot}/dev/block/${deviceNumber}`, 'size')
    const bytes = Number(text?.trim() ?? '') * sectorBytes
    return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
  }

  #servedDisks(): (domainId: number) => readonly BackendDisk[] {
    const { backends, log } = this.#options
    try {
      const domains = backends.list()
      return (id) => domains?.get(id)?.disks ?? []
    } catch (error) {
      log.debug({ err: error }, 'what dom0 serves cannot be listed')
      return () => []
    }
  }
}

/** A file is where its path says: kernels of Xen 3 do not tell what is behind a loop device. */
function asServed(source: DiskSource, deviceNumber: string | undefined): DiskSource {
  return deviceNumber === undefined || source.type === 'file' ? source : { ...source, deviceNumber }
}

async function readHost(
  caller: Caller,
  name: string,
  { files, sysRoot }: Pick<XenInventoryOptions, 'files' | 'sysRoot'>,
): Promise<HostFacts> {
  const [type, version, library, node, capabilitiesXml, exact] = await Promise.all([
    getType(caller),
    getVersion(caller),
    getLibVersion(caller),
    nodeGetInfo(caller),
    getCapabilities(caller),
    readXenVersion(files, sysRoot),
  ])
  const { cpuModel } = parseCapabilities(capabilitiesXml)
  return {
    name,
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

/** A VM whose definition cannot be read still takes up memory: its size is needed. */
async function bareFacts(caller: Caller, domain: DomainRef): Promise<VmFacts | undefined> {
  try {
    const info = await domainGetInfo(caller, domain)
    const memoryMaxBytes = toNumber(info.maxMemoryKib) * 1024
    return { uuid: domain.uuid, name: domain.name, vcpus: info.vcpus, memoryMaxBytes, disks: [], nics: [] }
  } catch (error) {
    if (error instanceof LibvirtError && error.code === errorCode.noDomain) return undefined
    throw error
  }
}
