import { MalformedFile, procLines } from './proc-text.js'

const file = '/proc/mounts'

/** A line of /proc/mounts. */
export interface Mount {
  /** `/dev/vda1`, `server:/export`, `tank/vms` or any word for a pseudo file system. */
  readonly device: string
  readonly path: string
  readonly type: string
  readonly readOnly: boolean
}

/**
 * Where to look, in this order. The mounts of process 1 are the machine's; our own may be a service's, where all is read-only,
 * or a container's.
 */
export function mountsPaths(procRoot: string): readonly string[] {
  return [`${procRoot}/1/mounts`, `${procRoot}/self/mounts`, `${procRoot}/mounts`]
}

/** All mounts in the kernel's order: a later one on the same path hides the earlier. @throws MalformedFile */
export function parseMounts(text: string): Mount[] {
  return procLines(file, text).map((line) => {
    const [device, path, type, options] = line.columns
    if (device === undefined || path === undefined || type === undefined || options === undefined) {
      throw new MalformedFile(file, line.number, 'device, path, type, options', line.text)
    }
    return {
      device: unescaped(device),
      path: unescaped(path),
      type,
      readOnly: options.split(',').includes('ro'),
    }
  })
}

/** The kernel writes space, tab, newline, # and backslash as three octal digits: `\040`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-3][0-7]{2})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** File systems whose other end is a machine that may not answer. */
const network: ReadonlySet<string> = new Set([
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  'ceph',
  'glusterfs',
  'lustre',
  '9p',
  'afs',
])

/** Whether a call on it may hang: a network file system, or a process of somebody's (FUSE). */
export function mayHang(type: string): boolean {
  return network.has(type) || type === 'fuse' || type.startsWith('fuse.')
}

/** The mount that a path is on: the longest that contains it, the last of equals. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let best: Mount | undefined
  for (const mount of mounts) {
    const inside = mount.path === '/' || path === mount.path || path.startsWith(`${mount.path}/`)
    if (inside && (best === undefined || mount.path.length >= best.path.length)) best = mount
  }
  return best
}
