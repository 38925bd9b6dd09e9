import type { MachineFiles } from '../host/machine-files.js'
import type { ArrayFacts, ArrayRaw } from '../hypervisor/hypervisor.js'
import type { RaidControllerRaw, StorageHealthRaw, VirtualDriveRaw } from './health/health-raw.js'

type WriteCache = NonNullable<ArrayRaw['writeCache']>

/**
 * What becomes of writes to a virtual drive now. A controller whose battery fails writes through, unless it is told to write back
 * always; some firmware goes on showing the policy that is configured. Undefined where the tool does not say.
 */
export function writeCacheOf(
  { writeCache }: Pick<VirtualDriveRaw, 'writeCache'>,
  { battery }: Pick<RaidControllerRaw, 'battery'>,
): WriteCache | undefined {
  if (writeCache === undefined) return undefined
  if (writeCache === 'write-through') return 'write-through'
  const isWithout = writeCache === 'write-back' && battery !== undefined && failing.test(battery.state)
  return isWithout ? 'write-through' : 'yes'
}

/** Words of storcli for batteries and supercapacitors that keep nothing. */
const failing = /fail|dead|missing|bad|degraded|replace|not-?present/

/** Which arrays of a machine write back and which write through, by the health of its RAID controllers as it was last read. */
export class WriteCaches {
  #health: StorageHealthRaw | undefined
  #byDevice = new Map<string, WriteCache | undefined>()

  constructor(
    private readonly sysRoot: string,
    private readonly files: Pick<MachineFiles, 'readIfThere'>,
  ) {}

  /** Adds it to what is told of the arrays; of those that nothing else is told of too. */
  added(
    told: readonly ArrayRaw[],
    facts: readonly ArrayFacts[],
    health: StorageHealthRaw | undefined,
  ): readonly ArrayRaw[] {
    if (health === undefined || health.items['raid-controller'].length === 0) return told
    if (health !== this.#health) this.#byDevice = new Map()
    this.#health = health
    const byKey = new Map(told.map((array) => [array.key, array]))
    for (const { key, devices = [] } of facts) {
      const writeCache = joined(devices.map((device) => this.#ofDevice(device, health)))
      if (writeCache !== undefined) byKey.set(key, { ...byKey.get(key), key, writeCache })
    }
    return [...byKey.values()]
  }

  #ofDevice(device: string, health: StorageHealthRaw): WriteCache | undefined {
    if (!this.#byDevice.has(device)) this.#byDevice.set(device, this.#found(device, health))
    return this.#byDevice.get(device)
  }

  #found(device: string, { items }: StorageHealthRaw): WriteCache | undefined {
    const naaId = /^naa\.([0-9a-f]{16,32})\s*$/i.exec(this.#wwid(device))?.[1]?.toLowerCase()
    for (const controller of items['raid-controller']) {
      const drive = controller.virtualDrives.find((one) =>
        one.naaId === undefined
          ? one.osDevice === device
          : one.naaId === naaId || (naaId === undefined && one.osDevice === device),
      )
      if (drive !== undefined) return writeCacheOf(drive, controller)
    }
    return undefined
  }

  #wwid(device: string): string {
    return this.files.readIfThere(`${this.sysRoot}/block/${device.replaceAll('/', '!')}/device/wwid`) ?? ''
  }
}

/** An array that writes through on one of its devices does so; it writes back if all of them do. */
function joined(caches: readonly (WriteCache | undefined)[]): WriteCache | undefined {
  if (caches.includes('write-through')) return 'write-through'
  return caches.every((one) => one === 'yes') ? caches[0] : undefined
}
