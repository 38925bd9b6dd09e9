import type { ArrayFacts, DiskBackend } from '../hypervisor/hypervisor.js'

/** Where a VM's disk comes from, as its definition says. */
export interface DiskSource {
  readonly type: 'file' | 'block' | 'network' | 'volume' | 'other'
  /** A path on the host, or what people should read for anything else; empty for an empty drive. */
  readonly source: string
  /** The block device of the host that serves it, where that is known: `253:3`. It counts, whatever the path says. */
  readonly deviceNumber?: string
  /** Of a network disk: iscsi, rbd, nbd, nfs, … */
  readonly protocol?: string
  /** Of a network disk: its server, the first if there are several. */
  readonly host?: string
  readonly port?: number
  /** Of a network disk: what it is called on the server: `iqn…/1`, `pool/image`, an export. */
  readonly name?: string
}

/** The array that a disk lies on. */
export interface ResolvedArray {
  /** `iscsi:<iqn>`, `local:<hostId>:<serial>`, …; empty for an empty drive. */
  readonly key: string
  /** What names the array: `iscsi` also for a logical volume or a file that ends on an iSCSI target. */
  readonly backend: DiskBackend
  /** The disk's place on the array: a LUN, `vg/lv`, an image, a file's path. */
  readonly unit?: string
  /** Undefined for an empty drive, and where nothing is known beyond the key. */
  readonly array: ArrayFacts | undefined
}
