import { countAt, MalformedFile, procLines } from '../../host/proc-text.js'
import type { DiskRaw } from '../hypervisor.js'

/** Requests and the time they took, of a block device of dom0. */
export type DeviceTimes = Required<
  Pick<DiskRaw, 'deviceReadRequests' | 'deviceReadSeconds' | 'deviceWriteRequests' | 'deviceWriteSeconds'>
>

/**
 * /proc/diskstats by device number (`253:3`). All devices, layers too: a VM's logical volume or loop device is its own.
 * @throws MalformedFile
 */
export function deviceTimes(text: string): ReadonlyMap<string, DeviceTimes> {
  const file = '/proc/diskstats'
  const byNumber = new Map<string, DeviceTimes>()
  for (const line of procLines(file, text)) {
    // Partitions of kernels before 2.6.25 have four counts and no times.
    if (line.columns.length === 7) continue
    if (line.columns.length < 11) throw new MalformedFile(file, line.number, 'at least 11 columns', line.text)
    byNumber.set(`${countAt(line, 0)}:${countAt(line, 1)}`, {
      deviceReadRequests: countAt(line, 3),
      deviceReadSeconds: countAt(line, 6) / 1000,
      deviceWriteRequests: countAt(line, 7),
      deviceWriteSeconds: countAt(line, 10) / 1000,
    })
  }
  return byNumber
}
