import type { MachineFiles } from '../host/machine-files.js'
import { listDirectory, readAttribute } from './disk-identity.js'
import { parseIscsiPlace } from './iscsi-sessions.js'

/**
 * sysfs as Linux 2.6.18 shows it, the kernel of CentOS 5: block devices are directories of /sys/block, with
 * partitions in them that do not say that they are ones; there is neither /sys/class/block nor /sys/dev/block, and a disk's
 * place among the devices shows only by its link `device`.
 */

const mostDevices = 4096

/** The directory of a block device by its number, `253:3`, whichever kernel it is; undefined if it is not there. */
export async function directoryOfNumber(
  files: MachineFiles,
  sysRoot: string,
  number: string,
): Promise<string | undefined> {
  return (
    (await files.realPath(`${sysRoot}/dev/block/${number}`).catch(() => undefined)) ??
    oldBlockDirectory(files, sysRoot, { number })
  )
}

/** A block device of such a kernel by its name or number; undefined if it is not there. */
export async function oldBlockDirectory(
  files: MachineFiles,
  sysRoot: string,
  wanted: { readonly name: string } | { readonly number: string },
): Promise<string | undefined> {
  // A newer kernel's links have been tried, and the device is not there.
  if ((await listDirectory(files, `${sysRoot}/class/block`)).length > 0) return undefined
  const block = `${sysRoot}/block`
  for (const disk of (await listDirectory(files, block)).slice(0, mostDevices)) {
    if (await isWanted(files, `${block}/${disk}`, disk, wanted)) {
      return files.realPath(`${block}/${disk}`).catch(() => undefined)
    }
    for (const part of await listDirectory(files, `${block}/${disk}`)) {
      if (!part.startsWith(disk)) continue
      if (await isWanted(files, `${block}/${disk}/${part}`, part, wanted))
        return files.realPath(`${block}/${disk}/${part}`)
    }
  }
  return undefined
}

async function isWanted(
  files: MachineFiles,
  directory: string,
  name: string,
  wanted: { readonly name: string } | { readonly number: string },
): Promise<boolean> {
  if ('name' in wanted) return name === wanted.name
  return (await readAttribute(files, directory, 'dev'))?.trim() === wanted.number
}

/** `/sys/block/sda/sda1`. */
export function isOldPartition(directory: string): boolean {
  const match = /\/block\/([^/]+)\/([^/]+)$/.exec(directory)
  return match?.[1] !== undefined && match[2]?.startsWith(match[1]) === true
}

/** As `parseIscsiPlace`, by the disk's link to its device. */
export async function oldIscsiPlace(
  files: MachineFiles,
  directory: string,
): Promise<ReturnType<typeof parseIscsiPlace>> {
  const device = await files.realPath(`${directory}/device`).catch(() => undefined)
  return device === undefined ? undefined : parseIscsiPlace(`${device}/`)
}
