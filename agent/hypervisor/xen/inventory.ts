import type { Log } from '../../../common/log.js'
import type { MachineFiles } from '../../host/machine-files.js'
import { readAttribute } from '../../storage/disk-identity.js'
import type { DiskSource } from '../../storage/disk-source.js'
import { mergeArrays } from '../../storage/merge-arrays.js'
import { directoryOfNumber } from '../../storage/old-sysfs.js'
import type { ArrayFacts, DiskFacts, Inventory, NicFacts, VmFacts } from '../hypervisor.js'
import { vmFactsOf } from '../libvirt/definition-cache.js'
import type { DiskDefinition } from '../libvirt/domain-xml.js'
import type { ResolveArray } from '../libvirt/inventory.js'
import type { BackendDevices, BackendDisk, BackendNic, DomainBackends } from './backend-devices.js'
import type { DefinedVm, Toolstack } from './toolstack.js'

export interface XenInventoryOptions {
  readonly files: MachineFiles
  readonly hostName: string
  readonly sysRoot: string
  readonly toolstack: Toolstack
  readonly backends: BackendDevices
  readonly resolveArray: ResolveArray
  readonly log: Log
}

const sectorBytes = 512

/** Puts together what changes seldom: the host, its VMs with their disks, and the arrays that these lie on. */
export class XenInventoryReader {
  readonly #options: XenInventoryOptions

  constructor(options: XenInventoryOptions) {
    this.#options = options
  }

  /** @throws HypervisorUnavailable, or what the toolstack says, if the host or its VMs cannot be read */
  async read(signal: AbortSignal): Promise<Inventory> {
    const { hostName, toolstack } = this.#options
    const [{ uuid: _uuid, ...host }, defined] = await Promise.all([
      toolstack.host(signal),
      toolstack.definitions(signal),
    ])
    const served = this.#served()
    const arrays: ArrayFacts[] = []
    const vms = await Promise.all(defined.map((vm) => this.#vm(vm, served(vm.domain.id), arrays)))
    return { host: { name: hostName, ...host }, vms, arrays: mergeArrays(arrays) }
  }

  async #vm(vm: DefinedVm, served: DomainBackends, arrays: ArrayFacts[]): Promise<VmFacts> {
    const { domain, definition } = vm
    const disks = await Promise.all(
      definition.disks.map((disk) => {
        const backend = served.disks.find(({ target }) => target === disk.target)
        return this.#disk(disk, backend, arrays)
      }),
    )
    return { ...vmFactsOf(domain.uuid, vm, disks), nics: withDevices(definition.nics, served.nics) }
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
    const directory = await directoryOfNumber(files, sysRoot, deviceNumber)
    const text = directory === undefined ? undefined : await readAttribute(files, directory, 'size')
    const bytes = Number(text?.trim() ?? '') * sectorBytes
    return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
  }

  #served(): (domainId: number) => DomainBackends {
    const { backends, log } = this.#options
    try {
      const domains = backends.list()
      return (id) => domains?.get(id) ?? { disks: [], nics: [] }
    } catch (error) {
      log.debug({ err: error }, 'what dom0 serves cannot be listed')
      return () => ({ disks: [], nics: [] })
    }
  }
}

/** A file is where its path says: kernels of Xen 3 do not tell what is behind a loop device. */
function asServed(source: DiskSource, deviceNumber: string | undefined): DiskSource {
  return deviceNumber === undefined || source.type === 'file' ? source : { ...source, deviceNumber }
}

/**
 * Old tools do not number interfaces; they list them in the order of their numbers, which are those of the devices in dom0.
 * Without as many devices it is unknown which is which.
 */
function withDevices(nics: readonly NicFacts[], served: readonly BackendNic[]): readonly NicFacts[] {
  if (nics.length !== served.length) return nics
  const devices = served.map(({ usualDevice }) => usualDevice)
  devices.sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
  return nics.map((nic, index) => (nic.device === '' ? { ...nic, device: devices[index] ?? '' } : nic))
}
