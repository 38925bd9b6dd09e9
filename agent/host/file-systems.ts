import { errorCode } from '../../common/error-code.js'
import type { Log } from '../../common/log.js'
import type { FileSystemRaw, UnreadFileSystemRaw } from '../hypervisor/hypervisor.js'
import { waitAtMost } from './wait-at-most.js'
import type { MachineFiles, StatfsAnswer } from './machine-files.js'
import { mayHang, mountsPaths, parseMounts, type Mount } from './mounts.js'
import type { Collector } from './run-collectors.js'
import type { HostRoots } from './roots.js'
import type { TextReader } from './text-reader.js'

export interface FileSystemsOptions {
  /** For one mount; well below the collector's own. */
  readonly deadlineMs: number
}

/**
 * A call that hangs holds one of the four threads that Node has for all files. So nothing that may hang is asked while
 * two calls do, and no local disk while three do.
 */
const mostStuck = { remote: 2, local: 3 } as const
const mostMounts = 256

/**
 * Size and use of every real file system. Asked one after the other, those that may hang last; a mount whose last call
 * has not come back is not asked again. So a dead NFS server costs its own figures, and one pass a short wait.
 */
export function fileSystemsCollector(
  roots: Pick<HostRoots, 'procRoot' | 'rootFs'>,
  files: MachineFiles,
  log: Log,
  { deadlineMs }: FileSystemsOptions,
): Collector {
  const stuck = new Set<string>()
  const failing = new Set<string>()

  /** @returns what it said, or why it did not answer; undefined if it is none of ours */
  async function read(mount: Mount): Promise<FileSystemRaw | string | undefined> {
    const call = files.statfs(`${roots.rootFs.replace(/\/$/, '')}${mount.path}`)
    stuck.add(mount.path)
    const ended = (): void => {
      stuck.delete(mount.path)
    }
    call.then(ended, ended)
    try {
      const answer = await waitAtMost(call, deadlineMs, `statfs ${mount.path}`)
      if (failing.delete(mount.path)) log.info({ mount: mount.path }, 'file system answers again')
      return fileSystem(mount, answer)
    } catch (error) {
      if (isNotOurs(error)) return undefined
      if (!failing.has(mount.path)) {
        failing.add(mount.path)
        log.warn({ mount: mount.path, type: mount.type, err: error }, 'file system does not answer')
      }
      return error instanceof Error ? error.message : String(error)
    }
  }

  return {
    name: 'file-systems',
    async collect(signal) {
      const mounts = realFileSystems(parseMounts(readMounts(roots, files)))
      const paths = new Set(mounts.map(({ path }) => path))
      for (const path of failing) if (!paths.has(path)) failing.delete(path)
      const order = [...mounts.filter(({ type }) => !mayHang(type)), ...mounts.filter(({ type }) => mayHang(type))]
      const fileSystems: FileSystemRaw[] = []
      const unreadFileSystems: UnreadFileSystemRaw[] = []
      for (const mount of order) {
        const most = mayHang(mount.type) ? mostStuck.remote : mostStuck.local
        const found = stuck.has(mount.path)
          ? 'it has not answered yet'
          : stuck.size >= most || signal.aborted
            ? 'not asked: others do not answer'
            : await read(mount)
        if (typeof found === 'string') {
          const { path, device, type } = mount
          unreadFileSystems.push({ mount: path, device, type, reason: found })
        } else if (found !== undefined) {
          fileSystems.push(found)
        }
      }
      return { fileSystems, unreadFileSystems }
    },
  }
}

/** @throws the file system's error if the machine has none of the files that list mounts */
export function readMounts({ procRoot }: Pick<HostRoots, 'procRoot'>, reader: TextReader): string {
  const paths = mountsPaths(procRoot)
  for (const path of paths.slice(0, -1)) {
    try {
      const text = reader.readIfThere(path)
      if (text !== undefined && text !== '') return text
    } catch (error) {
      if (!isNotOurs(error)) throw error
    }
  }
  return reader.read(paths.at(-1) ?? `${procRoot}/mounts`)
}

const real: ReadonlySet<string> = new Set(
  (
    'ext2 ext3 ext4 xfs btrfs zfs jfs reiserfs f2fs bcachefs vfat exfat ntfs ntfs3 fuseblk ocfs2 gfs2 vmfs ' +
    'nfs nfs4 cifs smb3 ceph glusterfs lustre fuse.glusterfs fuse.ceph fuse.sshfs fuse.mergerfs'
  ).split(' '),
)

/** Mounts that hold data, each file system once: bind mounts repeat its device. An overlay counts as the root only. */
export function realFileSystems(mounts: readonly Mount[]): Mount[] {
  const visible = new Map(mounts.map((mount) => [mount.path, mount]))
  const byDevice = new Map<string, Mount>()
  for (const mount of visible.values()) {
    if (!real.has(mount.type) && !(mount.type === 'overlay' && mount.path === '/')) continue
    const same = byDevice.get(mount.device)
    if (same === undefined || mount.path.length < same.path.length) byDevice.set(mount.device, mount)
  }
  return [...byDevice.values()].slice(0, mostMounts)
}

function fileSystem(mount: Mount, answer: StatfsAnswer): FileSystemRaw {
  return {
    mount: mount.path,
    device: mount.device,
    type: mount.type,
    sizeBytes: held(answer.blocks * answer.bsize),
    availableBytes: held(answer.bavail * answer.bsize),
    files: held(answer.files),
    filesFree: held(answer.ffree),
    readOnly: mount.readOnly,
  }
}

/** Some file systems say 2^64 − 1 for "no limit", or go below zero. */
function held(value: bigint): number {
  if (value < 0n) return 0
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
}

/** Not ours to read, or gone since the mounts were listed. */
function isNotOurs(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'EACCES' || code === 'EPERM' || code === 'ENOENT' || code === 'ENOTDIR'
}
