import type { TextReader } from '../../host/text-reader.js'
import type { DiskRaw } from '../hypervisor.js'
import type { BackendDevices, BackendDisk, DomainBackends } from './backend-devices.js'
import { deviceTimes, type DeviceTimes } from './device-times.js'

interface Account {
  readonly activity: string
  /** The device beneath each disk, by target and device. */
  readonly devices: ReadonlyMap<string, Device>
}

interface Device {
  /** Its totals when this run of the VM was first seen. */
  readonly base: DeviceTimes
  /** As they were read last. */
  readonly last: DeviceTimes
}

/** /proc/diskstats as it is during one pass: read when the first disk needs it. */
export type DeviceTable = () => ReadonlyMap<string, DeviceTimes>

/** Disks of VMs as dom0's kernel counts them, with the times of the devices beneath. */
export class DiskReader {
  /** By domain id, which is never used twice while the host is up. */
  readonly #accounts = new Map<number, Account>()

  constructor(
    private readonly backends: BackendDevices,
    private readonly procRoot: string,
    private readonly reader: TextReader,
  ) {}

  /** For one pass. */
  deviceTable(): DeviceTable {
    let table: ReadonlyMap<string, DeviceTimes> | undefined
    return () => (table ??= deviceTimes(this.reader.read(`${this.procRoot}/diskstats`)))
  }

  /** Whether any disk of the VM did something since they were last read. */
  hasMoved(domainId: number, { disks }: DomainBackends): boolean {
    const known = this.#accounts.get(domainId)
    return known === undefined ? disks.length > 0 : known.activity !== this.#activity(disks)
  }

  /**
   * Totals of the VM's disks; those that are not connected are left out.
   * @throws MalformedFile, or the file system's error
   */
  read(domainId: number, { disks }: DomainBackends, table: DeviceTable): DiskRaw[] {
    // Before the figures: what moves between the two is read again.
    const activity = this.#activity(disks)
    const before = this.#accounts.get(domainId)?.devices
    const devices = new Map<string, Device>()
    const read = disks.flatMap((disk) => {
      const figures = this.backends.figures(disk)
      if (figures === undefined) return []
      const number = this.backends.physicalDevice(disk)
      const times = number === undefined ? undefined : table().get(number)
      if (times === undefined) return [figures]
      const place = `${disk.target} ${number}`
      const base = baseOf(before?.get(place), times)
      devices.set(place, { base, last: times })
      return [{ ...figures, ...since(base, times) }]
    })
    this.#accounts.set(domainId, { activity, devices })
    return read
  }

  keepOnly(domainIds: ReadonlySet<number>): void {
    for (const id of this.#accounts.keys()) if (!domainIds.has(id)) this.#accounts.delete(id)
  }

  #activity(disks: readonly BackendDisk[]): string {
    return disks.map((disk) => `${disk.name} ${this.backends.activity(disk) ?? ''}`).join(';')
  }
}

/**
 * A device is older than the run of the VM that uses it, and its totals are; ours have to begin with the run, as all totals of
 * a VM do. A device that was made anew under its old number counts from 0.
 */
function baseOf(before: Device | undefined, now: DeviceTimes): DeviceTimes {
  if (before === undefined) return now
  const { base, last } = before
  const isAnew = now.deviceReadRequests < last.deviceReadRequests || now.deviceWriteRequests < last.deviceWriteRequests
  if (isAnew) return { deviceReadRequests: 0, deviceReadSeconds: 0, deviceWriteRequests: 0, deviceWriteSeconds: 0 }
  return {
    ...base,
    deviceReadSeconds: base.deviceReadSeconds - wrappedSeconds(last.deviceReadSeconds, now.deviceReadSeconds),
    deviceWriteSeconds: base.deviceWriteSeconds - wrappedSeconds(last.deviceWriteSeconds, now.deviceWriteSeconds),
  }
}

/** All kernels print the milliseconds of requests in 32 bits: 50 days of them, which a busy device has sooner. */
const rangeSeconds = 2 ** 32 / 1000

function wrappedSeconds(last: number, now: number): number {
  return last - now > rangeSeconds / 2 ? rangeSeconds : 0
}

function since(base: DeviceTimes, now: DeviceTimes): DeviceTimes {
  return {
    deviceReadRequests: now.deviceReadRequests - base.deviceReadRequests,
    deviceReadSeconds: Math.max(0, now.deviceReadSeconds - base.deviceReadSeconds),
    deviceWriteRequests: now.deviceWriteRequests - base.deviceWriteRequests,
    deviceWriteSeconds: Math.max(0, now.deviceWriteSeconds - base.deviceWriteSeconds),
  }
}
