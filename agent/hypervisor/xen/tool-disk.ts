import type { DiskSource } from '../../storage/disk-source.js'
import type { DiskDefinition } from '../libvirt/domain-xml.js'

/** A disk as xl or xm tell of it; the words are those of their configuration files. */
export interface ToolDisk {
  /** `xvda`; xm adds what kind it is: `hdc:cdrom`. */
  readonly device: string
  /** A path; xm's has how it is served before it: `phy:vg/lv`, `file:/images/x`, `tap:aio:/images/x`. */
  readonly place: string | undefined
  readonly writable: boolean
  readonly cdrom: boolean
  readonly format: string | undefined
}

export function diskDefinition({ device, place, writable, cdrom, format: told }: ToolDisk): DiskDefinition | undefined {
  // xl takes `/dev/xvda` too; old xm marks what QEMU emulates: `ioemu:hda`.
  const [target = '', kind] = device
    .replace(/^ioemu:/, '')
    .replace(/^\/dev\//, '')
    .split(':')
  if (target === '') return undefined
  const isCdrom = cdrom || kind === 'cdrom'
  const { source, format } = parsePlace(place ?? '')
  return {
    target,
    source,
    readOnly: isCdrom || !writable,
    removable: isCdrom,
    format: told ?? format,
    cache: undefined,
    bus: target.startsWith('hd') ? 'ide' : target.startsWith('sd') ? 'scsi' : 'xen',
    serial: undefined,
  }
}

/** Ways to serve a disk that are no format: `tap:aio:` reads raw images. */
const formats: Readonly<Record<string, string>> = {
  aio: 'raw',
  sync: 'raw',
  ram: 'raw',
  vmdk: 'vmdk',
  qcow: 'qcow',
  qcow2: 'qcow2',
  vhd: 'vhd',
}

/**
 * Source of the prefixes: docs/misc/xl-disk-configuration of Xen 4.2, and block device controllers of xend in Xen 3.4. Those of
 * scripts that somebody wrote (`drbd:`, `iscsi:`) stay as they are: dom0's kernel tells what is behind.
 */
export function parsePlace(place: string): {
  readonly source: DiskSource | undefined
  readonly format: string | undefined
} {
  const match = /^(phy|file|tap2?):(?:tapdisk:)?(?:(aio|sync|ram|vmdk|qcow2?|vhd):)?(.*)$/s.exec(place)
  const way = match?.[1]
  const path = match?.[3] ?? place
  if (path === '') return { source: undefined, format: undefined }
  const format = match?.[2] === undefined ? undefined : formats[match[2]]
  if (way === 'phy') return { source: { type: 'block', source: path.startsWith('/') ? path : `/dev/${path}` }, format }
  if (path.startsWith('/dev/')) return { source: { type: 'block', source: path }, format }
  return { source: { type: path.startsWith('/') ? 'file' : 'other', source: path }, format }
}
