import type { TextReader } from './text-reader.js'

/** As statfs(2) answers; blocks are `bsize` bytes. */
export interface StatfsAnswer {
  readonly bsize: bigint
  readonly blocks: bigint
  readonly bavail: bigint
  readonly files: bigint
  readonly ffree: bigint
}

/** Numbers of block devices, as in /sys/dev/block: `253:3`. */
export interface DeviceNumbers {
  /** Of the device whose node the path is; undefined for anything else. */
  readonly own?: string
  /** Of the device that the path's file system is on. Major number 0: it has none. */
  readonly under: string
}

/**
 * The files of one machine: this one's, or a copy of what another one told of its own. All errors are those of a file system,
 * with its codes; a copy also throws `HypervisorUnavailable` while it is out of date.
 *
 * What is synchronous is for /proc and /sys, which the kernel answers from memory; what may have to wait for a disk or for
 * another machine gives promises.
 */
export interface MachineFiles extends TextReader {
  /** Names in a directory of /proc or /sys. */
  names(path: string): readonly string[]
  readFile(path: string): Promise<Buffer>
  readDirectory(path: string): Promise<readonly string[]>
  /** The path without symbolic links. */
  realPath(path: string): Promise<string>
  /** Where a symbolic link points. */
  linkTarget(path: string): Promise<string>
  deviceNumbers(path: string): Promise<DeviceNumbers>
  statfs(path: string): Promise<StatfsAnswer>
  /** `f_type` of statfs(2), from linux/magic.h. */
  fileSystemType(path: string): Promise<number>
}
