import type { LocalDiskFacts } from '../hypervisor/hypervisor.js'
import { listDirectory, readDiskIdentity } from '../storage/disk-identity.js'
import { oldIscsiPlace } from '../storage/old-sysfs.js'
import { isWholeDisk } from './diskstats.js'
import type { MachineFiles } from './machine-files.js'

const mostDisks = 1024

/** The machine's own disks from /sys/block, without what only looks like one: layers, memory, LUNs of an iSCSI target. */
export async function readLocalDisks(files: MachineFiles, sysRoot: string): Promise<LocalDiskFacts[]> {
  const names = new Set(await listDirectory(files, `${sysRoot}/block`))
  const disks: LocalDiskFacts[] = []
  for (const name of [...names].sort().slice(0, mostDisks)) {
    if (!isWholeDisk(name, names) || name.startsWith('md')) continue
    const directory = await files.realPath(`${sysRoot}/block/${name}`).catch(() => undefined)
    // virtual: made by the kernel; session: reached through iSCSI, which Linux 2.6.18 shows by a link only
    if (directory === undefined || /\/devices\/virtual\/|\/session\d+\//.test(directory)) continue
    if ((await oldIscsiPlace(files, directory)) !== undefined) continue
    const { device, model, serial, sizeBytes, rotational } = await readDiskIdentity(files, directory)
    if (sizeBytes === undefined) continue
    disks.push({
      device,
      model: model ?? '',
      serial: serial ?? '',
      sizeBytes,
      ...(rotational === undefined ? {} : { rotational }),
    })
  }
  return disks
}
