import { posix } from 'node:path'

import { DeadlineExceeded } from '../../common/deadline.js'
import type { Log } from '../../common/log.js'
import type { MachineFiles } from '../host/machine-files.js'
import { Turns } from '../host/turns.js'
import { waitAtMost } from '../host/wait-at-most.js'
import { mayHang, mountOf, mountsPaths, parseMounts, type Mount } from '../host/mounts.js'
import type { ArrayFacts, DiskBackend } from '../hypervisor/hypervisor.js'
import { directoryOfNumber, oldBlockDirectory } from './old-sysfs.js'
import { localKey, walkBudget, walkDown, type Ground, type WalkBudget, type WalkContext } from './block-device.js'
import { cleaned } from './disk-identity.js'
import type { DiskSource, ResolvedArray } from './disk-source.js'
import { blockDeviceNumber, deviceNumberUnder, followLinks, seenAt } from './host-paths.js'
import { nfsKey, resolveNetworkSource } from './network-source.js'

export interface ArrayResolverOptions {
  readonly files: MachineFiles
  readonly procRoot: string
  readonly sysRoot: string
  readonly devRoot: string
  readonly rootFs: string
  /** Part of the key of what belongs to this host alone. */
  readonly hostId: string
  /** Milliseconds of a clock. */
  readonly now: () => number
  /** For one disk; 3 s if absent. */
  readonly deadlineMs?: number
  /** Shared by all that may wait for the storage of one machine; two of its own if absent. */
  readonly turns?: Turns
  /** Hears at debug level why a disk could not be resolved. */
  readonly log?: Log
}

/**
 * Finds the array that a disk lies on. Never rejects: what cannot be found out gets the key `local:<hostId>:unknown`
 * and is tried again the next time; anything else is remembered for a while, after which storage may have been rearranged.
 * Of what does not answer, what was known stays true.
 */
export type ArrayResolver = (source: DiskSource) => Promise<ResolvedArray>

/** More disks than any host has; the oldest is forgotten for a new one. */
const mostRemembered = 8192
const rememberedMs = 600_000

export function createArrayResolver(options: ArrayResolverOptions): ArrayResolver {
  const { hostId, now, deadlineMs = 3000, turns = new Turns(2), log } = options
  const remembered = new Map<string, { readonly found: ResolvedArray; readonly untilMs: number }>()

  return async function resolve(source: DiskSource): Promise<ResolvedArray> {
    if (source.source === '' && source.name === undefined) return { key: '', backend: 'other', array: undefined }
    const { type, source: path, protocol, host, port, name, deviceNumber } = source
    const id = JSON.stringify([type, path, protocol, host, port, name, deviceNumber])
    const known = remembered.get(id)
    if (known !== undefined && now() < known.untilMs) return known.found
    const end = new AbortController()
    try {
      const resolving = turns.run(end.signal, () => resolveSource(source, options))
      const found = await waitAtMost(resolving, deadlineMs, source.source)
      // To the end of the order, also if it was there.
      remembered.delete(id)
      const oldest = remembered.size >= mostRemembered ? remembered.keys().next().value : undefined
      if (oldest !== undefined) remembered.delete(oldest)
      remembered.set(id, { found, untilMs: now() + rememberedMs })
      return found
    } catch (error) {
      if (known !== undefined && error instanceof DeadlineExceeded) return known.found
      log?.debug({ source: source.source, err: error }, 'array of a disk is unknown')
      return { key: localKey(hostId, 'unknown'), backend: backendOf(source.type), array: undefined }
    } finally {
      end.abort()
    }
  }
}

/** @throws Error that says what is missing */
async function resolveSource(disk: DiskSource, options: ArrayResolverOptions): Promise<ResolvedArray> {
  if (disk.type === 'network') {
    return resolveNetworkSource(disk, { hostId: options.hostId, cephFsid: await readCephFsid(options) })
  }
  const served = disk.deviceNumber === undefined ? undefined : await numberDirectory(disk.deviceNumber, options)
  if (served === undefined && !disk.source.startsWith('/')) throw new Error(`${disk.source}: not a path`)
  const context: WalkContext = {
    files: options.files,
    sysRoot: options.sysRoot,
    hostId: options.hostId,
    file: (path, budget) => groundOfPath(path, options, context, budget),
  }
  const ground =
    served === undefined
      ? await groundOfPath(disk.source, options, context, walkBudget())
      : await walkDown(served, context, walkBudget())
  const unit = ground.file ?? ground.volume ?? ground.unit
  return {
    key: ground.array.key,
    backend: backendOf(ground.array.kind, ground),
    ...(unit === undefined ? {} : { unit }),
    array: ground.array,
  }
}

async function groundOfPath(
  path: string,
  options: ArrayResolverOptions,
  context: WalkContext,
  budget: WalkBudget,
): Promise<Ground> {
  const mounts = parseMounts(await readMountsFile(options))
  const onlyLookAt = (at: string): boolean => mayHang(mountOf(at, mounts)?.type ?? '')
  const real = await followLinks(path, options, onlyLookAt)
  if (real.startsWith('/dev/')) {
    const directory = await blockDirectory(real, options)
    if (directory !== undefined) return walkDown(directory, context, budget)
  }
  const mount = mountOf(real, mounts)
  if (mount === undefined) throw new Error(`${real}: on no mount`)
  return { ...(await groundOfMount(mount, options, context, budget)), file: placeOf(real, mount) }
}

async function groundOfMount(
  mount: Mount,
  options: ArrayResolverOptions,
  context: WalkContext,
  budget: WalkBudget,
): Promise<Ground> {
  const { hostId } = options
  if (mount.type === 'nfs' || mount.type === 'nfs4') return { array: nfsArray(mount) }
  if (mayHang(mount.type)) {
    const device = cleaned(mount.device) ?? ''
    return { array: { key: `${mount.type}:${device}`, name: device, kind: mount.type } }
  }
  if (mount.type === 'zfs') {
    const pool = mount.device.split('/')[0] ?? mount.device
    return { array: { key: localKey(hostId, `zfs-${pool}`), name: pool, kind: 'zfs' } }
  }
  if (!mount.device.startsWith('/')) {
    return { array: { key: localKey(hostId, mount.type), name: mount.type, kind: mount.type } }
  }
  const device = await followLinks(mount.device, options, () => false)
  const directory =
    (await blockDirectory(device, options)) ??
    // /dev/root and names of another namespace stand for nothing here: the file system itself knows its device.
    (await numberDirectory(await deviceNumberUnder(options.files, seenAt(mount.path, options)), options))
  if (directory === undefined) throw new Error(`${mount.device}: no such block device in sysfs`)
  return walkDown(directory, context, budget)
}

/** `server:/export`, also with an IPv6 address in brackets. */
function nfsArray({ device }: Mount): ArrayFacts {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(.*)$/.exec(device)
  const host = match?.[1] ?? match?.[2]
  if (host === undefined) throw new Error(`${device}: not host:path`)
  const path = match?.[3]?.replace(/(?<=.)\/+$/, '') ?? ''
  return { key: nfsKey(host, path), name: device, kind: 'nfs' }
}

/** A file's unit: its path; below the export if it is on a network file system, as each host may mount it elsewhere. */
function placeOf(path: string, mount: Mount): string {
  return mayHang(mount.type) ? posix.relative(mount.path, path) : path
}

/** The directory in sysfs of a device node; its number counts, as nodes may have any name, then its name. */
async function blockDirectory(path: string, options: ArrayResolverOptions): Promise<string | undefined> {
  const { files, sysRoot } = options
  const byNumber = await numberDirectory(await blockDeviceNumber(files, seenAt(path, options)), options)
  if (byNumber !== undefined) return byNumber
  const name = path.replace(/^\/dev\//, '').replaceAll('/', '!')
  return (
    (await files.realPath(`${sysRoot}/class/block/${name}`).catch(() => undefined)) ??
    oldBlockDirectory(files, sysRoot, { name })
  )
}

async function numberDirectory(
  number: string | undefined,
  { files, sysRoot }: ArrayResolverOptions,
): Promise<string | undefined> {
  return number === undefined ? undefined : directoryOfNumber(files, sysRoot, number)
}

/** Empty if there is none: a block device can be found without. */
async function readMountsFile({ files, procRoot }: ArrayResolverOptions): Promise<string> {
  for (const path of mountsPaths(procRoot)) {
    const text = await readText(files, path)
    if (text !== '') return text
  }
  return ''
}

/** The cluster's id, so that a pool has the same key on every host whichever monitor its definition names. */
async function readCephFsid(options: ArrayResolverOptions): Promise<string | undefined> {
  const text = await readText(options.files, seenAt('/etc/ceph/ceph.conf', options))
  return /^\s*fsid\s*=\s*([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\s*$/im.exec(text)?.[1]?.toLowerCase()
}

async function readText(files: MachineFiles, path: string): Promise<string> {
  return files.readFile(path).then(
    (bytes) => bytes.toString('utf8'),
    () => '',
  )
}

/** The layer that names the array, for the kinds that have a backend of their own; else how the disk is attached. */
function backendOf(kind: string, ground?: Ground): DiskBackend {
  if (kind === 'iscsi' || kind === 'nfs' || kind === 'rbd') return kind
  if (ground === undefined) return kind === 'file' || kind === 'block' ? kind : 'other'
  if (ground.file !== undefined) return 'file'
  return ground.volume === undefined ? 'block' : 'lvm'
}
