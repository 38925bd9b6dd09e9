import type { MachineFiles } from '../host/machine-files.js'
import type { ArrayFacts } from '../hypervisor/hypervisor.js'
import { cleaned, kernelName, listDirectory, readAttribute, readDiskIdentity } from './disk-identity.js'
import { parseIscsiPlace, readTargetDisks, readTargetName } from './iscsi-sessions.js'
import { parseLogicalVolume, type LogicalVolume } from './logical-volume.js'
import { mergeArrays } from './merge-arrays.js'
import { iscsiKey } from './network-source.js'
import { isOldPartition, oldIscsiPlace } from './old-sysfs.js'

/** What a block device or a file rests on. */
export interface Ground {
  readonly array: ArrayFacts
  /** A LUN or an image where the array has such. */
  readonly unit?: string
  /** `vg/lv` of the outermost logical volume on the way down. */
  readonly volume?: string
  /** Path of the outermost file on the way down, below the export if it is on a network file system. */
  readonly file?: string
}

export interface WalkContext {
  readonly files: MachineFiles
  readonly sysRoot: string
  readonly hostId: string
  /** What a loop device's file lies on. */
  readonly file: (path: string, budget: WalkBudget) => Promise<Ground>
}

/** How many devices one walk may still visit; the layers of a machine are few, a loop among them has no end. */
export interface WalkBudget {
  left: number
}

export function walkBudget(): WalkBudget {
  return { left: 256 }
}

/**
 * Walks from a block device down to what it really lies on, by the layers that sysfs shows.
 * One array below: that is the answer, whatever layers are above. Several: the layer that joins them is the array,
 * `lvm:<vg-uuid>` for a logical volume and `local:<hostId>:<uuid or name>` for md and others.
 * @param directory the device's own in sysfs, without links
 * @throws Error if the layers have no end
 */
export async function walkDown(directory: string, context: WalkContext, budget: WalkBudget): Promise<Ground> {
  const { files } = context
  budget.left -= 1
  if (budget.left < 0) throw new Error(`${directory}: too many layers of block devices`)
  if ((await readAttribute(files, directory, 'partition')) !== undefined || isOldPartition(directory)) {
    return walkDown(directory.slice(0, directory.lastIndexOf('/')), context, budget)
  }
  const backingFile = await readAttribute(files, directory, 'loop/backing_file')
  if (backingFile !== undefined) {
    return context.file(backingFile.trimEnd().replace(/ \(deleted\)$/, ''), budget)
  }
  const below: Ground[] = []
  for (const name of await listDirectory(files, `${directory}/slaves`)) {
    below.push(await walkDown(await files.realPath(`${directory}/slaves/${name}`), context, budget))
  }
  return below.length > 0 ? joined(directory, below, context) : lowest(directory, context)
}

/** A device made of others. */
async function joined(directory: string, below: readonly Ground[], { files, hostId }: WalkContext): Promise<Ground> {
  const volume = await readLogicalVolume(files, directory)
  const [only, ...others] = mergeArrays(below.map(({ array }) => array))
  const name = volume === undefined ? undefined : { volume: `${volume.group}/${volume.volume}` }
  if (only !== undefined && others.length === 0) {
    const units = new Set(below.map(({ unit }) => unit))
    const unit = units.size === 1 ? below[0]?.unit : undefined
    const inner = below.find((ground) => ground.volume !== undefined)?.volume
    const file = below.find((ground) => ground.file !== undefined)?.file
    return {
      array: only,
      ...(unit === undefined ? {} : { unit }),
      ...(inner === undefined ? {} : { volume: inner }),
      ...(file === undefined ? {} : { file }),
      ...name,
    }
  }
  const devices = [...new Set(below.flatMap(({ array }) => array.devices ?? []))].sort()
  if (volume !== undefined) {
    return { array: { key: `lvm:${volume.groupUuid}`, name: volume.group, kind: 'lvm', devices }, ...name }
  }
  const device = kernelName(directory)
  const uuid = cleaned(
    (await readAttribute(files, directory, 'md/uuid')) ?? (await readAttribute(files, directory, 'dm/uuid')),
  )
  const { sizeBytes } = await readDiskIdentity(files, directory)
  return {
    array: {
      key: localKey(hostId, uuid ?? device),
      name: device,
      kind: device.startsWith('md') ? 'md' : 'local',
      devices,
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
    },
  }
}

async function readLogicalVolume(files: MachineFiles, directory: string): Promise<LogicalVolume | undefined> {
  const uuid = await readAttribute(files, directory, 'dm/uuid')
  if (uuid === undefined) return undefined
  return parseLogicalVolume(uuid, (await readAttribute(files, directory, 'dm/name')) ?? '')
}

/** A device with nothing under it: a disk, a LUN, an image of a cluster. */
async function lowest(directory: string, context: WalkContext): Promise<Ground> {
  return (
    (await iscsiGround(directory, context)) ??
    (await rbdGround(directory, context)) ??
    (await diskGround(directory, context))
  )
}

async function iscsiGround(directory: string, { files, sysRoot }: WalkContext): Promise<Ground | undefined> {
  const place = parseIscsiPlace(directory) ?? (await oldIscsiPlace(files, directory))
  const target = place === undefined ? undefined : await readTargetName(files, sysRoot, place.session)
  if (place === undefined || target === undefined) return undefined
  // All LUNs, not only this one: they share the box, and so count towards its load.
  const disks = await readTargetDisks(files, sysRoot, target)
  const sizes = new Map(disks.map(({ lun, sizeBytes }) => [lun, sizeBytes]))
  const sizeBytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  const devices = [...new Set([kernelName(directory), ...disks.map(({ device }) => device)])].sort()
  return {
    array: { key: iscsiKey(target), name: target, kind: 'iscsi', devices, ...(sizeBytes > 0 ? { sizeBytes } : {}) },
    unit: place.lun,
  }
}

/** Kernel's Documentation/ABI/testing/sysfs-bus-rbd. */
async function rbdGround(directory: string, { files, sysRoot }: WalkContext): Promise<Ground | undefined> {
  const device = kernelName(directory)
  const id = /^rbd(\d+)$/.exec(device)?.[1]
  if (id === undefined) return undefined
  const image = `${sysRoot}/bus/rbd/devices/${id}`
  const fsid = cleaned(await readAttribute(files, image, 'cluster_fsid'))
  const pool = cleaned(await readAttribute(files, image, 'pool'))
  const unit = cleaned(await readAttribute(files, image, 'name'))
  if (fsid === undefined || pool === undefined) return undefined
  const array = { key: `rbd:${fsid}/${pool}`, name: `${pool} on ${fsid}`, kind: 'rbd', devices: [device] }
  return { array, ...(unit === undefined ? {} : { unit }) }
}

async function diskGround(directory: string, { files, hostId }: WalkContext): Promise<Ground> {
  const { device, serial, model, sizeBytes } = await readDiskIdentity(files, directory)
  return {
    array: {
      key: localKey(hostId, serial ?? device),
      name: model === undefined ? device : `${device} (${model})`,
      kind: 'local',
      devices: [device],
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
    },
  }
}

/** Key of something that belongs to this host alone. */
export function localKey(hostId: string, name: string): string {
  return `local:${hostId}:${name.replaceAll(/\s+/g, '_')}`
}
