import { posix } from 'node:path'

import type { DeviceNumbers, MachineFiles } from '../host/machine-files.js'

/** Where the host's paths are seen from here. */
export interface PathRoots {
  readonly files: MachineFiles
  /** Stands for `/`. */
  readonly rootFs: string
  /** Stands for `/dev`. */
  readonly devRoot: string
}

const mostLinks = 40

/** Where a path of the host is found from here. */
export function seenAt(path: string, { rootFs, devRoot }: Omit<PathRoots, 'files'>): string {
  if (path === '/dev' || path.startsWith('/dev/')) return `${devRoot}${path.slice('/dev'.length)}`
  return `${rootFs.replace(/\/$/, '')}${path}`
}

/**
 * Follows the symbolic links in a path of the host. Links stay inside the host's roots, wherever they point.
 * @param untouchable says of a path that nothing on it may be looked at, as it may hang; the rest of it stays as it is
 * @returns the host's path without links; parts that do not exist stay as they are
 * @throws Error after 40 links, as the kernel does
 */
export async function followLinks(
  path: string,
  roots: PathRoots,
  untouchable: (path: string) => boolean,
): Promise<string> {
  let rest = names(path)
  let at = '/'
  let links = 0
  while (rest.length > 0) {
    const [name = '', ...others] = rest
    const next = posix.join(at, name)
    if (name === '..' || untouchable(next)) {
      at = next
      rest = others
      continue
    }
    const target = await linkTarget(roots.files, seenAt(next, roots))
    if (target === undefined) {
      at = next
      rest = others
      continue
    }
    links += 1
    if (links > mostLinks) throw new Error(`${path}: more than ${mostLinks} symbolic links`)
    if (target.startsWith('/')) at = '/'
    rest = [...names(target), ...others]
  }
  return at
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

async function linkTarget(files: MachineFiles, path: string): Promise<string | undefined> {
  try {
    return await files.linkTarget(path)
  } catch {
    // Not a link, or not there.
    return undefined
  }
}

/** `8:1` of a block device's node; undefined for anything else. */
export async function blockDeviceNumber(files: MachineFiles, path: string): Promise<string | undefined> {
  return (await numbersOf(files, path))?.own
}

/** `8:1` of the device that a file is on; undefined if there is no such file, or its file system has no device. */
export async function deviceNumberUnder(files: MachineFiles, path: string): Promise<string | undefined> {
  const number = (await numbersOf(files, path))?.under
  // Major 0: made up by the kernel for file systems without a device, and by btrfs.
  return number?.startsWith('0:') === true ? undefined : number
}

async function numbersOf(files: MachineFiles, path: string): Promise<DeviceNumbers | undefined> {
  try {
    return await files.deviceNumbers(path)
  } catch {
    return undefined
  }
}
