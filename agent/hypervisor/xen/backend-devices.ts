import { errorCode } from '../../../common/error-code.js'
import type { MachineFiles } from '../../host/machine-files.js'
import { isAbsent } from '../../host/text-reader.js'
import type { DiskRaw, NicRaw } from '../hypervisor.js'
import { diskTarget } from './virtual-device.js'

/** A VM's disk as dom0's kernel serves it. */
export interface BackendDisk {
  readonly domainId: number
  /** Name in the guest: `xvda`. */
  readonly target: string
  /** Its directory below /sys/bus/xen-backend/devices. */
  readonly name: string
}

/** A VM's network interface in dom0. */
export interface BackendNic {
  readonly domainId: number
  /** What it is called unless it was given another name: `vif<domid>.<n>`. */
  readonly usualDevice: string
  /** Its directory below /sys/bus/xen-backend/devices. */
  readonly name: string
}

/** What dom0 serves to one VM. */
export interface DomainBackends {
  readonly disks: readonly BackendDisk[]
  readonly nics: readonly BackendNic[]
}

const mostDevices = 65_536
const sectorBytes = 512

/**
 * The Xen back ends of dom0's kernel, in sysfs. Nothing in here asks libvirt or the guest: a read costs microseconds. What
 * QEMU serves by itself (qdisk), and what a driver domain serves, is not among them.
 */
export class BackendDevices {
  readonly #directory: string
  readonly #net: string

  constructor(
    sysRoot: string,
    private readonly files: MachineFiles,
  ) {
    this.#directory = `${sysRoot}/bus/xen-backend/devices`
    this.#net = `${sysRoot}/class/net`
  }

  /**
   * All back ends by domain.
   * @returns undefined if this kernel has none at all: it is not dom0's, or was built without them
   * @throws the error of the file system
   */
  list(): ReadonlyMap<number, DomainBackends> | undefined {
    let names: readonly string[]
    try {
      names = this.files.names(this.#directory)
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
    const domains = new Map<number, { disks: BackendDisk[]; nics: BackendNic[] }>()
    for (const name of names.slice(0, mostDevices)) {
      const device = parseBackendName(name)
      if (device === undefined) continue
      const { domainId } = device
      const domain = domains.get(domainId) ?? { disks: [], nics: [] }
      domains.set(domainId, domain)
      if ('target' in device) domain.disks.push(device)
      else domain.nics.push(device)
    }
    return domains
  }

  /** What tells whether the disk did anything since the last look; undefined if it is not connected, or gone. */
  activity(disk: BackendDisk): string | undefined {
    // A request is counted before its sectors are: as long as those stand still, so does everything.
    const parts = ['rd_sect', 'wr_sect', 'f_req'].map((name) => this.#statistic(disk, name))
    return parts[0] === undefined ? undefined : parts.join(' ')
  }

  /** The disk's totals; undefined if it is not connected, or gone. */
  figures(disk: BackendDisk): DiskRaw | undefined {
    const number = (name: string): number | undefined => parseCount(this.#statistic(disk, name))
    const bytes = (name: string): number | undefined => {
      const sectors = number(name)
      return sectors !== undefined && Number.isSafeInteger(sectors * sectorBytes) ? sectors * sectorBytes : undefined
    }
    const readBytes = bytes('rd_sect')
    const writeBytes = bytes('wr_sect')
    const readRequests = number('rd_req')
    const writeRequests = number('wr_req')
    // Not counted by the kernels of Xen 3, which know barriers only.
    const flushRequests = number('f_req')
    const outOfSlots = number('oo_req')
    if (readBytes === undefined && writeBytes === undefined && readRequests === undefined) return undefined
    return {
      target: disk.target,
      ...(readRequests === undefined ? {} : { readRequests }),
      ...(readBytes === undefined ? {} : { readBytes }),
      ...(writeRequests === undefined ? {} : { writeRequests }),
      ...(writeBytes === undefined ? {} : { writeBytes }),
      ...(flushRequests === undefined ? {} : { flushRequests }),
      ...(outOfSlots === undefined ? {} : { outOfSlots }),
    }
  }

  /** Number of the block device of dom0 that the disk lies on, as in /sys/dev/block: `253:3`. */
  physicalDevice(disk: BackendDisk): string | undefined {
    return parsePhysicalDevice(this.#text(`${this.#directory}/${disk.name}/physical_device`))
  }

  /** Whether the VM may only read it; undefined if dom0 does not say. */
  readOnly(disk: BackendDisk): boolean | undefined {
    const mode = this.#text(`${this.#directory}/${disk.name}/mode`)?.trim()
    return mode === undefined || mode === '' ? undefined : !mode.startsWith('w')
  }

  /** The interface's totals as the VM sees them: what dom0 sends to it is what it receives. Undefined if it is gone. */
  traffic(nic: BackendNic): NicRaw | undefined {
    const own = this.#traffic(nic.usualDevice) ?? this.#trafficOfRenamed(nic)
    // Beside it QEMU emulates a card for guests without Xen's driver; the guest uses one or the other.
    const emulated = own === undefined ? undefined : this.#traffic(`${own.device}-emu`)
    if (own === undefined || emulated === undefined) return own
    const sum: Record<string, number | string> = { ...own }
    for (const [name, value] of Object.entries(emulated)) {
      const before = sum[name]
      if (typeof value === 'number' && typeof before === 'number') sum[name] = before + value
    }
    return { ...own, ...sum, device: own.device }
  }

  #traffic(device: string): NicRaw | undefined {
    const number = (name: string): number | undefined =>
      parseCount(this.#text(`${this.#net}/${device}/statistics/${name}`))
    const receiveBytes = number('tx_bytes')
    if (receiveBytes === undefined) return undefined
    const figures = {
      receivePackets: number('tx_packets'),
      receiveErrors: number('tx_errors'),
      receiveDrops: number('tx_dropped'),
      transmitBytes: number('rx_bytes'),
      transmitPackets: number('rx_packets'),
      transmitErrors: number('rx_errors'),
      transmitDrops: number('rx_dropped'),
    }
    const known = Object.entries(figures).filter(([, value]) => value !== undefined)
    return { device, receiveBytes, ...Object.fromEntries(known) }
  }

  /** The back end says what its device is called: newer kernels in a directory, older ones by a link. */
  #trafficOfRenamed({ name }: BackendNic): NicRaw | undefined {
    const directory = `${this.#directory}/${name}`
    const [inDirectory] = this.#names(`${directory}/net`)
    const device =
      inDirectory ??
      this.#names(directory)
        .find((entry) => entry.startsWith('net:'))
        ?.slice('net:'.length)
    return device === undefined ? undefined : this.#traffic(device)
  }

  #names(directory: string): readonly string[] {
    try {
      return this.files.names(directory)
    } catch {
      return []
    }
  }

  /** blktap of Linux 2.6.18-xen (drivers/xen/blktap/xenbus.c) counts under names of its own. */
  #statistic({ name: device }: BackendDisk, name: string): string | undefined {
    const prefix = device.startsWith('tap-') ? 'tap_' : ''
    return this.#text(`${this.#directory}/${device}/statistics/${prefix}${name}`)
  }

  /** Undefined if there is no such attribute, or its device is just going away. */
  #text(path: string): string | undefined {
    try {
      return this.files.readIfThere(path)
    } catch (error) {
      if (errorCode(error) === 'ENODEV') return undefined
      throw error
    }
  }
}

/** `vbd-<domid>-<number>`, `tap-…` (the blktap of Xen 3) or `vif-<domid>-<n>`; undefined for anything else. */
export function parseBackendName(name: string): BackendDisk | BackendNic | undefined {
  const match = /^(vbd|tap|vif)-(\d{1,5})-(\d{1,9})$/.exec(name)
  if (match?.[1] === undefined) return undefined
  const domainId = Number(match[2])
  const number = Number(match[3])
  if (match[1] === 'vif') return { domainId, usualDevice: `vif${domainId}.${number}`, name }
  const target = diskTarget(number)
  return target === undefined ? undefined : { domainId, target, name }
}

/** Major and minor number: blkback prints them in hexadecimal, unlike everything else in sysfs. 0:0: not attached yet. */
export function parsePhysicalDevice(text: string | undefined): string | undefined {
  const match = /^([\da-f]{1,5}):([\da-f]{1,5})$/.exec(text?.trim() ?? '')
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  const major = Number.parseInt(match[1], 16)
  return major === 0 ? undefined : `${major}:${Number.parseInt(match[2], 16)}`
}

/** A total. Kernels up to 3.10 or so count in 32 bits and print them signed: below zero is between 2^31 and 2^32. */
export function parseCount(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? ''
  if (!/^-?\d{1,16}$/.test(trimmed)) return undefined
  const value = Number(trimmed)
  const count = value < 0 && value >= -(2 ** 31) ? value + 2 ** 32 : value
  return Number.isSafeInteger(count) && count >= 0 ? count : undefined
}
