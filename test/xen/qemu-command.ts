import type { Dom0Image } from './dom0-image.js'

/** The address by which dom0 reaches ports of this machine that it was given. */
export const outside = '10.0.2.100'

/** Serial numbers of dom0's disks: what the arrays on them are called. */
export const diskSerials = { root: 'dom0-root', lab: 'dom0-lab', data: 'dom0-data' } as const

export const dom0MemoryMiB = 640

export interface QemuOptions {
  readonly image: Dom0Image
  readonly disks: Readonly<Record<keyof typeof diskSerials, string>>
  readonly consoleFile: string
  readonly memoryMiB: number
  /** Port of this machine's loopback that is dom0's ssh. */
  readonly sshPort: number
  /** Ports of `outside` and the ports of this machine's loopback behind them. */
  readonly outsidePorts: Readonly<Record<number, number>>
}

/** Xen cannot be told of a CPU that is both old enough for what QEMU emulates and known to libvirt, but by this name. */
const cpu = 'Nehalem'

/** The command line that boots Xen in an emulator. The network leads nowhere but to the ports that are named. */
export function qemuCommand(options: QemuOptions): readonly string[] {
  const { image, disks, consoleFile, memoryMiB, sshPort, outsidePorts } = options
  const memory = `dom0_mem=${dom0MemoryMiB}M,max:${dom0MemoryMiB}M`
  // dom0 has one of the two processors: two emulated ones would spend their time waiting for each other.
  const xenWords = [
    'console=com1',
    'com1=115200,8n1',
    memory,
    'spec-ctrl=no',
    'xpti=no',
    'dom0_max_vcpus=1',
    'noreboot',
    'loglvl=warning',
  ]
  const kernelWords = ['console=hvc0', 'mitigations=off', 'loglevel=4', 'panic=0']
  const forwards = Object.entries(outsidePorts).map(
    // A process for each connection: slirp has no other way in this direction that takes more than one.
    ([port, behind]) => `guestfwd=tcp:${outside}:${port}-cmd:busybox nc 127.0.0.1 ${behind}`,
  )
  const network = ['user', 'id=net', 'restrict=on', `hostfwd=tcp:127.0.0.1:${sshPort}-:22`, ...forwards]
  const emulator = ['-machine', 'q35', '-accel', 'tcg', '-cpu', cpu, '-smp', '2', '-m', String(memoryMiB)]
  return [
    ['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-monitor', 'none', '-no-reboot'],
    emulator,
    ['-serial', `file:${consoleFile}`],
    ['-kernel', image.xen, '-append', xenWords.join(' ')],
    ['-initrd', `${image.kernel} ${kernelWords.join(' ')},${image.initrd}`],
    disk('root', disks.root, 'snapshot=on'),
    disk('lab', disks.lab, 'readonly=on'),
    disk('data', disks.data),
    ['-netdev', network.join(','), '-device', 'virtio-net-pci,netdev=net,romfile='],
  ].flat()
}

function disk(name: keyof typeof diskSerials, file: string, ...more: readonly string[]): readonly string[] {
  const drive = [`if=none`, `id=${name}`, `file=${file}`, 'format=raw', 'cache=unsafe', ...more]
  return ['-drive', drive.join(','), '-device', `virtio-blk-pci,drive=${name},serial=${diskSerials[name]}`]
}
