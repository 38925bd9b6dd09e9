import type { GuestImage } from './guest/guest-image.js'

/** Where a disk lies: a file, or a LUN that QEMU attaches by itself. */
export type DiskPlace =
  | { readonly file: string; readonly cache?: 'none' | 'writeback' }
  | { readonly iscsi: { readonly portal: string; readonly iqn: string; readonly lun: number } }

export interface GuestDefinition {
  readonly name: string
  readonly uuid: string
  readonly memoryMiB: number
  /** In the order vda, vdb, … All raw. */
  readonly disks: readonly DiskPlace[]
  /** An `interface` element, if it has a NIC. */
  readonly nic?: string
  /** Unix socket of its serial port, and a file that keeps all that it ever said there. */
  readonly serial: { readonly socket: string; readonly log?: string }
  readonly image: GuestImage
  /** Words for its init, on the kernel's command line. */
  readonly words?: readonly string[]
  /** XML for the `metadata` element. */
  readonly metadata?: string
}

/** The name of a disk inside the guest: vda, vdb, … */
export function diskTarget(index: number): string {
  return `vd${String.fromCodePoint(97 + index)}`
}

/** libvirt's XML of a guest that runs without KVM and obeys commands over its serial port. */
export function guestXml(guest: GuestDefinition): string {
  const words = ['console=ttyS0', 'quiet', 'loglevel=1', 'panic=1', 'mitigations=off', 'tsc=unstable']
  const { log } = guest.serial
  return `<domain type='qemu'>
  <name>${guest.name}</name>
  <uuid>${guest.uuid}</uuid>
  <title>${guest.name} of a test</title>
  <metadata>${guest.metadata ?? ''}</metadata>
  <memory unit='MiB'>${guest.memoryMiB}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${guest.image.kernel}</kernel>
    <initrd>${guest.image.initrd}</initrd>
    <cmdline>${[...words, ...(guest.words ?? [])].join(' ')}</cmdline>
  </os>
  <features><acpi/><tcg><tb-cache unit='MiB'>32</tb-cache></tcg></features>
  <on_poweroff>destroy</on_poweroff>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    ${guest.disks.map(diskXml).join('\n    ')}
    ${guest.nic ?? ''}
    <controller type='usb' model='none'/>
    <serial type='unix'>
      <source mode='bind' path='${guest.serial.socket}'/>
      ${log === undefined ? '' : `<log file='${log}' append='on'/>`}
      <target port='0'/>
    </serial>
    <memballoon model='virtio'><stats period='1'/></memballoon>
  </devices>
</domain>
`
}

function diskXml(place: DiskPlace, index: number): string {
  const target = `<target dev='${diskTarget(index)}' bus='virtio'/>`
  if ('file' in place) {
    const driver = `<driver name='qemu' type='raw' cache='${place.cache ?? 'writeback'}'/>`
    return `<disk type='file' device='disk'>${driver}<source file='${place.file}'/>${target}</disk>`
  }
  const { portal, iqn, lun } = place.iscsi
  const source = `<source protocol='iscsi' name='${iqn}/${lun}'><host name='${portal}' port='3260'/></source>`
  return `<disk type='network' device='disk'><driver name='qemu' type='raw' cache='none'/>${source}${target}</disk>`
}
