import type { DeviceNumbers, MachineFiles, StatfsAnswer } from '../../host/machine-files.js'
import { HypervisorUnavailable } from '../hypervisor.js'
import type { FileNode } from './file-tree.js'
import type { FrameContent } from './frame-content.js'

/** What a frame is of, least first: each holds all of those before it too. */
export const lanes = ['fast', 'state', 'inventory'] as const
export type Lane = (typeof lanes)[number]

/** The least frame that tells of a path and of all below it; the first that fits counts. */
const laneByPlace: readonly (readonly [place: string, lane: Lane])[] = [
  ['/sys/bus/xen-backend', 'fast'],
  ['/proc/diskstats', 'fast'],
  ['/proc/sys/kernel/random', 'fast'],
  ['/proc/sys', 'inventory'],
  ['/proc/cpuinfo', 'inventory'],
  ['/proc/self/auxv', 'inventory'],
  ['/proc', 'state'],
  ['/sys/class/net', 'state'],
  ['', 'inventory'],
]

interface Told {
  readonly content: FrameContent
  /** Later ones have higher numbers. */
  readonly order: number
  /** Whether what changes all the time may still be read from it. */
  readonly isCurrent: boolean
}

/** As the file system of this machine would say it. */
class NoSuchFile extends Error {
  override readonly name = 'NoSuchFile'
  constructor(
    readonly code: 'ENOENT' | 'ENOTDIR' | 'EISDIR' | 'EINVAL' | 'EACCES',
    path: string,
  ) {
    super(`${code}: ${path}, as another machine told it`)
  }
}

/**
 * The files of another machine as its reader told of them last. Each path is read from the newest frame that must have told of
 * it: what is not in there is not on that machine. Nothing here touches a disk.
 */
export class FileCopy implements MachineFiles {
  readonly #told = new Map<Lane, Told>()
  #order = 0
  /** Why nothing that changes all the time can be read. */
  #lost: Error = new HypervisorUnavailable('nothing was read yet')

  /** A frame came. */
  take(lane: Lane, content: FrameContent): void {
    this.#order += 1
    this.#told.set(lane, { content, order: this.#order, isCurrent: true })
  }

  /** What changes all the time can be read only when another frame has come. What devices there are stands for now. */
  lose(reason: Error): void {
    this.#lost = reason
    this.#told.delete('fast')
    this.#told.delete('state')
    const inventory = this.#told.get('inventory')
    if (inventory !== undefined) this.#told.set('inventory', { ...inventory, isCurrent: false })
  }

  /** Another life of the machine: nothing of before stands. */
  forget(): void {
    this.#told.clear()
  }

  read(path: string): string {
    return bytesOf(this.#node(path), path).toString('utf8')
  }

  readIfThere(path: string): string | undefined {
    const node = this.#find(path)
    return node === undefined ? undefined : bytesOf(node, path).toString('utf8')
  }

  names(path: string): readonly string[] {
    const node = this.#node(path)
    if (node.kind !== 'directory') throw new NoSuchFile('ENOTDIR', path)
    return [...node.entries.keys()]
  }

  async readFile(path: string): Promise<Buffer> {
    return bytesOf(this.#node(path), path)
  }

  async readDirectory(path: string): Promise<readonly string[]> {
    return this.names(path)
  }

  async realPath(path: string): Promise<string> {
    const found = this.#content(laneOf(path)).tree.realPath(path)
    if (found === undefined) throw new NoSuchFile('ENOENT', path)
    return found
  }

  async linkTarget(path: string): Promise<string> {
    const node = this.#find(path, { followLast: false })
    if (node?.kind !== 'link') throw new NoSuchFile(node === undefined ? 'ENOENT' : 'EINVAL', path)
    return node.target
  }

  async deviceNumbers(path: string): Promise<DeviceNumbers> {
    const node = this.#find(path)
    // Of files it is not told on which device they are, only of where file systems are mounted.
    const under = this.#content('inventory').under.get(path) ?? '0:0'
    if (node === undefined && under === '0:0') throw new NoSuchFile('ENOENT', path)
    return node?.kind === 'device' ? { own: node.number, under } : { under }
  }

  async statfs(path: string): Promise<StatfsAnswer> {
    const answer = this.#content('state').space.get(path)
    if (answer === undefined) throw new NoSuchFile('ENOENT', path)
    return answer
  }

  async fileSystemType(path: string): Promise<number> {
    throw new NoSuchFile('ENOENT', path)
  }

  #node(path: string): FileNode {
    const node = this.#find(path)
    if (node === undefined) throw new NoSuchFile('ENOENT', path)
    return node
  }

  #find(path: string, options: { readonly followLast?: boolean } = {}): FileNode | undefined {
    return this.#content(laneOf(path)).tree.find(path, options)
  }

  /** The newest frame that tells of what is in `lane`. @throws HypervisorUnavailable if there is none */
  #content(lane: Lane): FrameContent {
    let newest: Told | undefined
    for (const other of lanes.slice(lanes.indexOf(lane))) {
      const told = this.#told.get(other)
      if (told === undefined || (lane !== 'inventory' && !told.isCurrent)) continue
      if (newest === undefined || told.order > newest.order) newest = told
    }
    if (newest === undefined) throw this.#lost
    return newest.content
  }
}

function bytesOf(node: FileNode, path: string): Buffer {
  if (node.kind === 'directory') throw new NoSuchFile('EISDIR', path)
  if (node.kind !== 'file') throw new NoSuchFile('EACCES', path)
  return node.bytes
}

function laneOf(path: string): Lane {
  const found = laneByPlace.find(([place]) => place === '' || path === place || path.startsWith(`${place}/`))
  return found?.[1] ?? 'inventory'
}
