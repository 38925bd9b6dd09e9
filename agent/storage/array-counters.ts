import { parseDiskstats } from '../host/diskstats.js'
import type { MachineFiles } from '../host/machine-files.js'
import type { ArrayFacts, ArrayRaw, HostDiskRaw } from '../hypervisor/hypervisor.js'
import { mergeArrays } from './merge-arrays.js'

/**
 * What this host has exchanged with each array since boot: the sum over the array's devices, from one read of
 * /proc/diskstats. Arrays without a device here (reached by QEMU itself, NFS) are left out.
 * @throws MalformedFile, or the file system's error
 */
export async function readArrayCounters(
  arrays: readonly ArrayFacts[],
  procRoot: string,
  files: MachineFiles,
): Promise<readonly ArrayRaw[]> {
  const merged = mergeArrays(arrays)
  const wanted = new Set(merged.flatMap(({ devices }) => devices ?? []))
  if (wanted.size === 0) return []
  const text = (await files.readFile(`${procRoot}/diskstats`)).toString('utf8')
  return sumByArray(
    merged,
    parseDiskstats(text, (device) => wanted.has(device)),
  )
}

/** A device that is gone adds nothing, and changes `runId`; an array all of whose devices are gone is left out. */
export function sumByArray(arrays: readonly ArrayFacts[], disks: readonly HostDiskRaw[]): ArrayRaw[] {
  const byDevice = new Map(disks.map((disk) => [disk.device, disk]))
  return arrays.flatMap(({ key, devices = [] }) => {
    const found = devices.flatMap((device) => byDevice.get(device) ?? [])
    if (found.length === 0) return []
    const sum = (field: (disk: HostDiskRaw) => number): number => found.reduce((total, disk) => total + field(disk), 0)
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
        readSeconds: sum((disk) => disk.readSeconds),
        writeRequests: sum((disk) => disk.writeRequests),
        writeBytes: sum((disk) => disk.writeBytes),
        writeSeconds: sum((disk) => disk.writeSeconds),
        inFlight: sum((disk) => disk.inFlight),
      },
    ]
  })
}
