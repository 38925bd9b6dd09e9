import { randomUUID } from 'node:crypto'
import { open, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { guestXml } from './guest-definition.js'
import { guestImage } from './guest/guest-image.js'
import type { LibvirtDaemon } from './libvirt-daemon.js'
import { SerialLine } from './serial-line.js'

export interface GuestOptions {
  readonly name: string
  readonly memoryMiB?: number
  /** Size of each disk, in the order vda, vdb, … Raw, sparse, past the host's page cache where the file system can. */
  readonly disksMiB?: readonly number[]
  /** Directory of each disk; that of the daemon if absent. Such disks are used past the host's page cache. */
  readonly diskDirectories?: readonly string[]
  /** A tap device in the daemon's private network. */
  readonly nic?: boolean
  /** XML for the `metadata` element. */
  readonly metadata?: string
  /** A file that keeps what it says on its serial port. */
  readonly serialLog?: string
}

export interface Guest {
  readonly name: string
  readonly uuid: string
  /** Starts it and waits until its init obeys. */
  start(): Promise<void>
  /** Sends a line to its init and waits for the answer: `write vda 64`, `burn 2`. */
  tell(command: string): Promise<void>
  /** The process of its QEMU, as seen from here. */
  pid(): Promise<number>
  /** Signals its QEMU; returns from SIGSTOP when that has stopped. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): Promise<void>
}

const privateNic = `<interface type='ethernet'><script path='/bin/true'/><model type='virtio'/><rom enabled='no'/></interface>`

/** Defines a guest whose init obeys commands over its serial port. It runs without KVM. */
export async function defineGuest(daemon: LibvirtDaemon, options: GuestOptions): Promise<Guest> {
  const { name } = options
  const uuid = randomUUID()
  const serial = path.join(daemon.root, `${name}.serial`)
  const disks = await Promise.all(
    (options.disksMiB ?? [64]).map(async (sizeMiB, index) => {
      const directory = options.diskDirectories?.[index]
      const file = path.join(directory ?? daemon.root, `${name}-${index}.img`)
      const handle = await open(file, 'w')
      await handle.truncate(sizeMiB * 2 ** 20)
      await handle.close()
      return { file, cache: directory === undefined ? 'writeback' : 'none' } as const
    }),
  )
  const xml = path.join(daemon.root, `${name}.xml`)
  const handle = await open(xml, 'w')
  await handle.writeFile(
    guestXml({
      name,
      uuid,
      memoryMiB: options.memoryMiB ?? 96,
      disks,
      serial: { socket: serial, ...(options.serialLog !== undefined && { log: options.serialLog }) },
      image: await guestImage(),
      ...(options.nic === true ? { nic: privateNic } : {}),
      ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    }),
  )
  await handle.close()
  await daemon.virsh('define', xml)

  let line: SerialLine | undefined
  const findPid = async (): Promise<number> => {
    const pid = await qemuPid(uuid)
    if (pid === undefined) throw new Error(`no QEMU runs ${name}`)
    return pid
  }
  return {
    name,
    uuid,
    start: async () => {
      await daemon.virsh('start', name)
      line = await SerialLine.open(serial)
      await line.waitFor('ready', 60_000)
    },
    tell: async (command) => {
      if (line === undefined) throw new Error(`${name} was not started`)
      await line.ask(command, 60_000)
    },
    pid: findPid,
    signal: async (signal) => {
      const pid = await findPid()
      process.kill(pid, signal)
      // Its threads stop one after the other.
      if (signal !== 'SIGSTOP') return
      while (!(await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') T ')) await delay(10)
    },
  }
}

/** The process whose command line names this VM. */
export async function qemuPid(uuid: string): Promise<number | undefined> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    if (command.includes('qemu-system') && command.includes(`-uuid\0${uuid}\0`)) return Number(entry)
  }
  return undefined
}
