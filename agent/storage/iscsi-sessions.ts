import type { MachineFiles } from '../host/machine-files.js'
import { cleaned, kernelName, listDirectory, readAttribute } from './disk-identity.js'

/** A disk that the kernel's own iSCSI initiator has attached. */
export interface IscsiDisk {
  readonly device: string
  readonly lun: string
  readonly sizeBytes: number
}

const sectorBytes = 512

/**
 * The session that a disk's place in sysfs leads through:
 * `/sys/devices/platform/host3/session1/target3:0:0/3:0:0:1/block/sdb`; undefined for any other disk.
 */
export function parseIscsiPlace(directory: string): { readonly session: string; readonly lun: string } | undefined {
  const match = /\/(session\d+)\/target[^/]+\/\d+:\d+:\d+:(\d+)\//.exec(directory)
  return match?.[1] === undefined || match[2] === undefined ? undefined : { session: match[1], lun: match[2] }
}

/** The target's name in lower case; undefined if there is no such session. */
export async function readTargetName(
  files: MachineFiles,
  sysRoot: string,
  session: string,
): Promise<string | undefined> {
  return cleaned(await readAttribute(files, `${sysRoot}/class/iscsi_session/${session}`, 'targetname'))?.toLowerCase()
}

/** All disks of a target, over all its sessions: several LUNs, and one LUN by several paths. */
export async function readTargetDisks(
  files: MachineFiles,
  sysRoot: string,
  target: string,
): Promise<readonly IscsiDisk[]> {
  const disks: IscsiDisk[] = []
  for (const session of await listDirectory(files, `${sysRoot}/class/iscsi_session`)) {
    if ((await readTargetName(files, sysRoot, session)) !== target) continue
    const directory = await files.realPath(`${sysRoot}/class/iscsi_session/${session}/device`).catch(() => undefined)
    if (directory !== undefined) disks.push(...(await sessionDisks(files, directory)))
  }
  return disks
}

/** `block/sdb`; `block:sdb`, a link, in Linux 2.6.18. */
async function blockDirectories(files: MachineFiles, unit: string): Promise<readonly string[]> {
  const names = await listDirectory(files, `${unit}/block`)
  if (names.length > 0) return names.map((name) => `block/${name}`)
  return (await listDirectory(files, unit)).filter((name) => name.startsWith('block:'))
}

async function sessionDisks(files: MachineFiles, session: string): Promise<IscsiDisk[]> {
  const disks: IscsiDisk[] = []
  for (const target of await listDirectory(files, session)) {
    if (!target.startsWith('target')) continue
    for (const address of await listDirectory(files, `${session}/${target}`)) {
      const lun = /^\d+:\d+:\d+:(\d+)$/.exec(address)?.[1]
      if (lun === undefined) continue
      const unit = `${session}/${target}/${address}`
      for (const directory of await blockDirectories(files, unit)) {
        const sectors = Number((await readAttribute(files, `${unit}/${directory}`, 'size')) ?? 0)
        const sizeBytes = Number.isSafeInteger(sectors * sectorBytes) ? sectors * sectorBytes : 0
        disks.push({ device: kernelName(directory.replace(/^block[:/]/, '')), lun, sizeBytes })
      }
    }
  }
  return disks
}
