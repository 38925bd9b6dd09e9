import { parseDiskstats } from '../host/diskstats.js'
import type { MachineFiles } from '../host/machine-files.js'
import type { ArrayFacts, ArrayRaw, HostDiskRaw } from '../hypervisor/hypervisor.js'
import { mergeArrays } from './merge-arrays.js'

type Seconds = Pick<HostDiskRaw, 'readSeconds' | 'writeSeconds'>

/**
 * What this host has exchanged with each array since boot: the sum over the array's devices, from one read of
 * /proc/diskstats. Arrays without a device here (reached by QEMU itself, NFS) are left out.
 */
export class ArrayCounters {
  /** Of each device, as read last. */
  #last: ReadonlyMap<string, Seconds> = new Map()

  constructor(
    private readonly procRoot: string,
    private readonly files: MachineFiles,
  ) {}

  /** @throws MalformedFile, or the file system's error */
  async read(arrays: readonly ArrayFacts[]): Promise<readonly ArrayRaw[]> {
    const merged = mergeArrays(arrays)
    const wanted = new Set(merged.flatMap(({ devices }) => devices ?? []))
    if (wanted.size === 0) return []
    // From the kernel's memory: a pool of threads that hang in the storage must not hold it up.
    const text = this.files.read(`${this.procRoot}/diskstats`)
    const disks = parseDiskstats(text, (device) => wanted.has(device))
    const before = this.#last
    this.#last = new Map(disks.map((disk) => [disk.device, disk]))
    return sumByArray(merged, disks, before)
  }
}

/** A device that is gone adds nothing, and changes `runId`; an array all of whose devices are gone is left out. */
function sumByArray(
  arrays: readonly ArrayFacts[],
  disks: readonly HostDiskRaw[],
  before: ReadonlyMap<string, Seconds>,
): ArrayRaw[] {
  const byDevice = new Map(disks.map((disk) => [disk.device, disk]))
  return arrays.flatMap(({ key, devices = [] }) => {
    const found = devices.flatMap((device) => byDevice.get(device) ?? [])
    if (found.length === 0) return []
    const sum = (field: (disk: HostDiskRaw) => number): number => found.reduce((total, disk) => total + field(disk), 0)
    // The kernel prints milliseconds in 32 bits. Where those of one device begin anew, the sum would look as if all of it were new.
    const isAnew = (name: keyof Seconds): boolean =>
      found.some((disk) => disk[name] < (before.get(disk.device)?.[name] ?? 0))
    return [
      {
        key,
        // Totals since boot: with another device among them they cannot be compared with those before.
        runId: found
          .map((disk) => disk.device)
          .toSorted()
          .join('+'),
        readRequests: sum((disk) => disk.readRequests),
        readBytes: sum((disk) => disk.readBytes),
        ...(isAnew('readSeconds') ? {} : { readSeconds: sum((disk) => disk.readSeconds) }),
        writeRequests: sum((disk) => disk.writeRequests),
        writeBytes: sum((disk) => disk.writeBytes),
        ...(isAnew('writeSeconds') ? {} : { writeSeconds: sum((disk) => disk.writeSeconds) }),
        inFlight: sum((disk) => disk.inFlight),
      },
    ]
  })
}
