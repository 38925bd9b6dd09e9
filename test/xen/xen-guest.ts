import { randomUUID } from 'node:crypto'

import { SerialLine } from '../support/serial-line.js'
import type { XenHost } from './boot-xen.js'
import { diskSerials } from './qemu-command.js'

export interface XenGuestOptions {
  readonly name: string
  /** Default 80: the least that its kernel boots with, and a little. */
  readonly memoryMiB?: number
}

/** A disk of a guest: a loop device over a file. */
export interface XenGuestDisk {
  /** Its name in the guest. */
  readonly target: string
  readonly sizeMiB: number
  readonly file: string
  /** Serial number of dom0's disk that the file is on. */
  readonly on: string
}

/** A paravirtual guest whose init obeys commands over its console; see test/support/guest/init.sh. */
export interface XenGuest {
  readonly name: string
  readonly uuid: string
  readonly memoryMiB: number
  /** xvda lies on dom0's root disk, xvdb on its data disk. */
  readonly disks: readonly XenGuestDisk[]
  /** Starts it and waits until its init obeys. */
  start(): Promise<void>
  /** Waits until its init obeys, if somebody else has started it. */
  booted(): Promise<void>
  /** Sends a line to its init and waits until that is done. */
  tell(command: string, timeoutMs?: number): Promise<readonly string[]>
}

const diskMiB = 64
const startWithinMs = 600_000
const mostTries = 3
const bootWithinMs = 600_000

/** Makes the guests' disks and tells libvirt of them, all at once: in an emulator each call costs seconds. */
export async function defineXenGuests(xen: XenHost, options: readonly XenGuestOptions[]): Promise<XenGuest[]> {
  if (options.length === 0) return []
  const plans = options.map(({ name, memoryMiB = 80 }, index) => ({
    name,
    memoryMiB,
    uuid: randomUUID(),
    address: `10.77.0.${index + 2}/24`,
    mac: `00:16:3e:00:00:${(index + 1).toString(16).padStart(2, '0')}`,
    disks: [
      { target: 'xvda', file: `/root/${name}-a.img`, on: diskSerials.root, loop: `/dev/loop${index * 2}` },
      { target: 'xvdb', file: `/data/${name}-b.img`, on: diskSerials.data, loop: `/dev/loop${index * 2 + 1}` },
    ],
  }))
  const lines = plans.flatMap((plan) => [
    ...plan.disks.flatMap(({ file, loop }) => [`truncate -s ${diskMiB}M ${file}`, `losetup ${loop} ${file}`]),
    `cat > /tmp/${plan.name}.xml << 'END'\n${definition(plan)}\nEND`,
  ])
  const defines = plans.map(({ name }) => `define /tmp/${name}.xml`).join('; ')
  await xen.run(`set -e\n${lines.join('\n')}\nvirsh -q -c xen:///system '${defines}'`)
  return plans.map(({ name, uuid, memoryMiB, disks }) => {
    let line: SerialLine | undefined
    const booted = async (): Promise<void> => {
      line?.close()
      line = await consoleOf(xen, name)
      await line.waitFor('ready', bootWithinMs)
    }
    return {
      name,
      uuid,
      memoryMiB,
      disks: disks.map(({ target, file, on }) => ({ target, file, on, sizeMiB: diskMiB })),
      async start() {
        await startDomain(xen, name)
        await booted()
      },
      booted,
      async tell(command, timeoutMs = 120_000) {
        if (line === undefined) throw new Error(`${name} was not started`)
        return line.ask(command, timeoutMs)
      },
    }
  })
}

/** libxl waits 10 s for a device, which is short for an emulator on a busy machine: what failed once is tried again. */
async function startDomain(xen: XenHost, name: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await xen.run(`virsh -q -c xen:///system start ${name}`, startWithinMs)
      return
    } catch (error) {
      // The one before was only too slow to say so.
      if (String(error).includes('Domain is already active')) return
      if (tries === mostTries) throw error
    }
  }
}

/** Its console from the first word on: what it said before anybody listened is kept. */
async function consoleOf(xen: XenHost, name: string): Promise<SerialLine> {
  const terminal = (await xen.run(`virsh -q -c xen:///system ttyconsole ${name}`)).trim()
  const child = xen.start(`stty -F ${terminal} raw -echo; cat ${terminal} & exec cat > ${terminal}`)
  return new SerialLine({ heard: child.stdout, said: child.stdin, close: () => child.kill() })
}

interface Plan {
  readonly name: string
  readonly uuid: string
  readonly memoryMiB: number
  readonly address: string
  readonly mac: string
  readonly disks: readonly { readonly target: string; readonly loop: string }[]
}

function definition({ name, uuid, memoryMiB, address, mac, disks }: Plan): string {
  // Without what takes long to begin and nothing here needs.
  const less = ['lsm=', 'cryptomgr.notests', 'initcall_blacklist=init_kprobe_trace']
  const words = [
    'console=hvc0',
    'quiet',
    'loglevel=1',
    'panic=1',
    'mitigations=off',
    ...less,
    `guest.address=${address}`,
  ]
  return `<domain type='xen'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <memory unit='MiB'>${memoryMiB}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='xenpv'>linux</type>
    <kernel>/lab/guest/kernel</kernel>
    <initrd>/lab/guest/initrd</initrd>
    <cmdline>${words.join(' ')}</cmdline>
  </os>
  <on_poweroff>destroy</on_poweroff>
  <on_crash>destroy</on_crash>
  <devices>
    ${disks.map(diskXml).join('\n    ')}
    <interface type='bridge'><source bridge='xenbr0'/><mac address='${mac}'/></interface>
    <console type='pty'><target type='xen' port='0'/></console>
  </devices>
</domain>`
}

function diskXml({ target, loop }: Plan['disks'][number]): string {
  const driver = `<driver name='phy' type='raw'/>`
  return `<disk type='block' device='disk'>${driver}<source dev='${loop}'/><target dev='${target}' bus='xen'/></disk>`
}
