import type { MachineFiles } from '../../host/machine-files.js'
import type { DiskDefinition } from './domain-xml.js'

/** f_type of statfs(2), from linux/magic.h, of file systems that count direct I/O for the process that asks for it. */
const countingFileSystems: ReadonlySet<number> = new Set([
  0xef_53, // ext2, ext3, ext4
  0x58_46_53_42, // XFS
  0x91_23_68_3e, // btrfs
  0x69_69, // NFS
])

/**
 * Whether the kernel counts every byte of these disks in their process's /proc/PID/io at the moment it is asked for: disks
 * opened past the page cache (`cache` none or directsync), on a block device or on a file system that keeps count. FUSE and
 * tmpfs do not; what comes from the page cache is counted never or late.
 */
export async function countsDirectIo(files: MachineFiles, disks: readonly DiskDefinition[]): Promise<boolean> {
  for (const { cache, source } of disks) {
    if (source === undefined) continue
    if (cache !== 'none' && cache !== 'directsync') return false
    if (source.type === 'block') continue
    if (source.type !== 'file' || !(await isOnCountingFileSystem(files, source.source))) return false
  }
  return true
}

async function isOnCountingFileSystem(files: MachineFiles, path: string): Promise<boolean> {
  try {
    return countingFileSystems.has(await files.fileSystemType(path))
  } catch {
    return false
  }
}
